"""after_finish, after_cancel and after_pause: once, after the commit, best effort. SEMANTICS 1."""

from __future__ import annotations

import pytest

from stepper_motor import Completed, State, step
from tests.home import Customer, Journey, found, save, start, tell
from tests.semantics.seen import entries_of, row_of, told

pytestmark = pytest.mark.database


def error():
    raise OSError("no network")


class Ends(Journey[Customer]):
    heard = []
    body = staticmethod(lambda self: None)

    @step
    def work(self):
        self.data["touched"] = True
        return self.body(self)

    def hear(self, hook):
        self.heard.append((hook, row_of(self).state, row_of(self).performed_by))

    def after_finish(self):
        self.hear("after_finish")

    def after_cancel(self):
        self.hear("after_cancel")

    def after_pause(self):
        self.hear("after_pause")


def ends(body, **members):
    Ends.heard.clear()
    return type("EndsToo", (Ends,), {"body": staticmethod(body), "__module__": __name__, **members})


@pytest.mark.parametrize(
    ("body", "hook", "state"),
    [
        (lambda self: None, "after_finish", State.FINISHED),
        (lambda self: self.finish(), "after_finish", State.FINISHED),
        (lambda self: self.cancel(), "after_cancel", State.CANCELED),
        (lambda self: self.pause(), "after_pause", State.PAUSED),
    ],
)
def test_once_after_the_settlement_is_written(body, hook, state, customer):
    start(ends(body), customer).perform_next_step()
    assert Ends.heard == [(hook, state, None)]


def test_not_while_the_journey_goes_on(customer):
    start(ends(lambda self: self.reattempt(5)), customer).perform_next_step()
    assert Ends.heard == []


def test_after_pause_comes_again_for_another_pause(customer):
    journey = start(ends(lambda self: self.pause()), customer)
    journey.perform_next_step()
    journey.resume()
    journey.perform_next_step()
    assert [hook for hook, *_ in Ends.heard] == ["after_pause", "after_pause"]


@pytest.mark.database(transaction=True)
def test_a_pause_from_within_is_heard_after_the_body_ended(customer):
    def body(self):
        found(self).pause("from outside")
        assert Ends.heard == []

    start(ends(body, more=step(lambda self: None, name="more")), customer).perform_next_step()
    assert Ends.heard == [("after_pause", State.PAUSED, None)]


@pytest.mark.database(transaction=True)
def test_to_reschedule_a_paused_journey_is_no_second_pause(clock, customer):
    journey = start(ends(lambda self: self.pause()), customer)
    journey.perform_next_step()
    journey.reschedule(clock.now())
    assert len(Ends.heard) == 1


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_an_error_in_it_is_recorded_and_changes_nothing(kind, customer):
    async def raises(self):
        error()

    journey = start(ends(lambda self: None, after_finish=raises if kind == "async" else lambda self: error()), customer)
    assert journey.perform_next_step() == Completed()
    assert journey.state == State.FINISHED
    *_, performance, record = entries_of(journey)
    assert (performance.outcome, performance.state) == ("completed", State.FINISHED)
    assert (record.outcome, record.attempt, record.error_class) == ("hook_failed", None, "OSError")
    assert record.reason == "after_finish raised"


def test_sql_that_fails_in_it_ruins_nothing(customer):
    def broken(self):
        tell(self, "one", id=1)
        tell(self, "two", id=1)

    journey = start(ends(lambda self: None, after_finish=broken), customer)
    journey.perform_next_step()
    assert told(journey) == [("work", "completed"), (None, "hook_failed")]


def test_what_a_failed_step_set_can_not_be_saved_by_a_hook(customer):
    def note(self):
        assert "touched" not in self.data
        self.data["noted"] = self.reason
        save(self)

    journey = start(ends(lambda self: error(), after_pause=note), customer)
    with pytest.raises(OSError, match="no network"):
        journey.perform_next_step()
    assert found(journey).data == {"noted": "OSError: no network"}


def test_a_verb_in_it_acts_as_one_from_outside(customer):
    journey = start(ends(lambda self: self.pause(), after_pause=lambda self: self.cancel("no pauses here")), customer)
    journey.perform_next_step()
    assert found(journey).state == State.CANCELED
    assert told(journey) == [("work", "paused"), ("work", "canceled")]
