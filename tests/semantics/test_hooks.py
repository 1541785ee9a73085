"""before_step_starts, around_step, after_step_ends; after_finish, after_cancel, after_pause. SEMANTICS 1."""

from __future__ import annotations

import pytest

from stepper_motor import Canceled, Completed, Failed, Finished, Paused, Reattempt, Reattempted, Skipped, State, step
from tests.home import Customer, Journey, atell, start, words
from tests.semantics.seen import last_entry, row_of, told

pytestmark = pytest.mark.database


class Hooked(Journey[Customer]):
    heard = []
    body = staticmethod(lambda self: None)

    def before_step_starts(self, step):
        self.heard.append(("before", step.name))

    def after_step_ends(self, step, outcome):
        self.heard.append(("after", outcome))

    @step
    def work(self):
        return self.body(self)

    @step
    def more(self): ...


@pytest.fixture(autouse=True)
def _nothing_heard():
    Hooked.heard.clear()


def hooked(body, **members):
    return type("HookedToo", (Hooked,), {"body": staticmethod(body), "__module__": __name__, **members})


def error():
    raise OSError("no network")


def test_before_and_after_each_body(customer):
    journey = start(Hooked, customer)
    journey.perform_next_step()
    journey.perform_next_step()
    assert Hooked.heard == [("before", "work"), ("after", Completed()), ("before", "more"), ("after", Completed())]


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (lambda self: self.cancel("no"), Canceled("no")),
        (lambda self: self.reattempt(5), Reattempted(5)),
        (lambda self: Paused("wait"), Paused("wait")),
        (lambda self: self.finish(), Finished()),
    ],
)
def test_after_step_ends_is_told_what_came_of_it(body, outcome, customer):
    assert start(hooked(body), customer).perform_next_step() == outcome
    assert Hooked.heard[-1] == ("after", outcome)


@pytest.mark.parametrize(
    ("policy", "then"),
    [("pause", Paused()), ("skip", Skipped()), (Reattempt(jitter=0), Reattempted(Reattempt(jitter=0).delay(1)))],
)
def test_after_step_ends_is_told_of_an_exception_and_what_becomes_of_it(policy, then, customer):
    journey = start(hooked(lambda self: error(), on_exception=policy), customer)
    with pytest.raises(OSError, match="no network"):
        journey.perform_next_step()
    _, outcome = Hooked.heard[-1]
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, OSError)
    assert outcome.then == then


def test_no_hook_is_called_for_a_step_that_is_passed_over(customer):
    class Passing(Hooked):
        work = step(lambda self: None, name="work", skip_if=True)

    start(Passing, customer).perform_next_step()
    assert Hooked.heard == []


@pytest.mark.parametrize("hook", ["before_step_starts", "after_step_ends", "around_step"])
def test_a_hook_that_raises_is_treated_as_the_step_raising(hook, customer):
    journey = start(hooked(lambda self: None, **{hook: lambda self, *told: error()}), customer)
    with pytest.raises(OSError, match="no network"):
        journey.perform_next_step()
    row = row_of(journey)
    assert (row.state, row.failures, row.steps_completed) == (State.PAUSED, 1, 0)
    assert row.steps_entered == (1 if hook == "after_step_ends" else 0)
    assert told(journey) == [("work", "failed")]


def test_a_hook_that_raises_after_the_body_did_keeps_both_errors(customer):
    journey = start(hooked(lambda self: 1 / 0, after_step_ends=lambda self, step, outcome: error()), customer)
    with pytest.raises(OSError, match="no network"):
        journey.perform_next_step()
    assert last_entry(journey).error_class == "OSError"
    assert "ZeroDivisionError" in last_entry(journey).traceback
    assert row_of(journey).failures == 1


def test_before_step_starts_may_use_a_verb_and_no_body_is_entered(customer):
    journey = start(hooked(lambda self: error(), before_step_starts=lambda self, step: self.skip()), customer)
    assert journey.perform_next_step() == Skipped()
    assert (row_of(journey).steps_entered, row_of(journey).next_step_name) == (0, "more")
    assert Hooked.heard == []


def test_after_step_ends_may_use_a_verb(customer):
    journey = start(hooked(lambda self: None, after_step_ends=lambda self, step, outcome: self.pause("look")), customer)
    assert journey.perform_next_step() == Paused("look")
    assert (row_of(journey).steps_entered, row_of(journey).steps_completed) == (1, 0)


def test_after_a_failure_a_verb_of_after_step_ends_decides_what_becomes_of_it(customer):
    def decide(self, step, outcome):
        if isinstance(outcome, Failed):
            self.cancel("given up")

    journey = start(hooked(lambda self: self.data.update(x=1) or error(), after_step_ends=decide), customer)
    with pytest.raises(OSError, match="no network"):
        journey.perform_next_step()
    assert (journey.state, journey.reason, journey.data) == (State.CANCELED, "given up", {})
    assert last_entry(journey).error_class == "OSError"


def test_async_hooks_are_awaited(customer):
    class Awaited(Hooked):
        async def before_step_starts(self, step):
            await atell(self, "before")

        async def after_step_ends(self, step, outcome):
            await atell(self, f"after {outcome.name}")

    start(Awaited, customer).perform_next_step()
    assert words() == ["before", "after completed"]
