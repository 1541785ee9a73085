"""What the verbs from outside make of attempts, failures, losses and the round. SEMANTICS 3 and 5."""

import pytest

from stepper_motor import Reattempt, State, step
from tests.home import Customer, Journey, found, put_all, start

pytestmark = pytest.mark.database


class Stubborn(Journey[Customer]):
    """Two failures in a row are one too many."""

    @step(on_exception=Reattempt(wait=0, jitter=0, max_attempts=2))
    def knock(self):
        if self.data.get("meddle"):
            another = found(self)
            another.pause()
            another.resume()
        raise OSError("nobody opens")

    @step
    def enter(self): ...


@pytest.mark.parametrize(
    ("verb", "counts", "round"),
    [
        (lambda journey: journey.pause(), (3, 1, 2), 5),
        (lambda journey: journey.cancel(), (3, 1, 2), 5),
        (lambda journey: journey.reschedule(), (3, 1, 2), 5),
        (lambda journey: journey.reattempt(), (3, 0, 0), 5),
        (lambda journey: journey.skip(), (0, 0, 0), 5),
        (lambda journey: journey.jump_to("knock"), (0, 0, 0), 6),
        (lambda journey: journey.finish(), (0, 0, 0), 5),
    ],
)
def test_each_verb_keeps_or_resets_them(customer, verb, counts, round):
    journey = start(Stubborn, customer)
    put_all(Stubborn, attempts=3, failures=1, losses=2, round=5)
    verb(journey)
    assert (journey.attempts, journey.failures, journey.losses, journey.round) == (*counts, round)


def test_resume_gives_a_fresh_budget_of_failures(customer):
    journey = start(Stubborn, customer)
    assert knocked(journey) == (State.READY, 1, 1)
    assert knocked(journey) == (State.PAUSED, 2, 2)
    journey.resume()
    assert (journey.attempts, journey.failures) == (2, 0)
    assert knocked(journey) == (State.READY, 3, 1)


def test_also_while_the_step_runs(customer):
    journey = start(Stubborn, customer)
    assert knocked(journey) == (State.READY, 1, 1)
    put_all(Stubborn, data={"meddle": True})
    assert knocked(journey)[1:] == (2, 1)


def knocked(journey):
    with pytest.raises(OSError, match="nobody opens"):
        journey.perform_next_step()
    return journey.state, journey.attempts, journey.failures
