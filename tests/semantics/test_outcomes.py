"""What an outcome does to the row: the table of SEMANTICS 3, line by line, through real rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

import pytest

from stepper_motor import (
    Canceled,
    Completed,
    Finished,
    Jumped,
    Paused,
    Reattempt,
    Reattempted,
    Skipped,
    State,
    cancel_if,
    step,
)
from tests.home import Customer, Journey, delete, put, start
from tests.semantics.seen import claimed_by, entries_of, last_entry, recover, row_of

pytestmark = pytest.mark.database

READY, PAUSED, CANCELED, FINISHED = State.READY, State.PAUSED, State.CANCELED, State.FINISHED
SAME, NEW = "=", "new"
NOW, OWN_WAIT, NEXT_WAIT, WAIT = timedelta(), timedelta(hours=1), timedelta(hours=2), timedelta(minutes=7)


class Line(NamedTuple):
    """A line of the table. Numbers are added, a duration is counted from now."""

    state: State
    previous: str
    next: str | None
    due: timedelta | str | None
    entered: int
    completed: int
    attempts: int | str
    fence: str
    failures: int | str = 0
    losses: int | str = 0
    round: int | str = SAME


def nothing(self: Any) -> None: ...


def trip(body: Callable[[Any], Any] = nothing, *, last: bool = False, canceled: Any = False, **options: Any) -> Any:
    """A journey class whose step `this` has that body and those options."""

    class Trip(Journey[Customer]):
        ended = cancel_if(canceled)
        first = step(lambda self: None, name="first")
        this = step(body, name="this", wait=OWN_WAIT, **options)
        if not last:
            following = step(lambda self: None, name="following", wait=NEXT_WAIT)
            far = step(lambda self: None, name="far")

    return Trip


def at_this_step(Trip: Any, customer: Customer, clock: Any) -> Any:
    """A journey at `this`, which had two failures and then a loss there, in its fifth round."""
    journey = start(Trip, customer)
    journey.perform_next_step()
    clock.move(OWN_WAIT + timedelta(minutes=1))
    return put(journey, attempts=2, failures=2, losses=1, round=4, reason="as before")


def check(journey: Any, line: Line, before: Any, now: Any) -> None:
    after = row_of(journey)
    due = {SAME: before.next_step_to_be_performed_at, None: None}
    assert after.state == line.state
    assert after.previous_step_name == (before.previous_step_name if line.previous == SAME else line.previous)
    assert after.next_step_name == line.next
    assert after.next_step_to_be_performed_at == (due[line.due] if line.due in due else now + line.due)
    assert after.steps_entered - before.steps_entered == line.entered
    assert after.steps_completed - before.steps_completed == line.completed
    for counter in ("attempts", "failures", "losses", "round"):
        expected = getattr(line, counter)
        assert getattr(after, counter) == (getattr(before, counter) if expected == SAME else expected), counter
    assert (after.fence == before.fence) == (line.fence == SAME)
    assert (after.performed_by, after.lease_expires_at) == (None, None)
    assert (after.ended_at == now) == (line.state in (CANCELED, FINISHED))


def raises(self: Any) -> None:
    raise OSError("no network")


ON = Line(READY, "this", "following", NEXT_WAIT, +1, +1, 0, NEW)
END = Line(FINISHED, "this", None, None, +1, +1, 0, SAME)
AGAIN = Line(READY, "this", "this", WAIT, +1, 0, 3, NEW, round=5)
FAR = Line(READY, "this", "far", WAIT, +1, 0, 0, NEW, round=5)
STOPPED = Line(PAUSED, SAME, "this", SAME, +1, 0, SAME, SAME, SAME, SAME)
OVER = STOPPED._replace(state=CANCELED)

BODIES = {
    "a normal end": (lambda self: None, False, ON, "completed"),
    "another value returned": (lambda self: "nonsense", False, ON, "completed"),
    "a normal end of the last step": (lambda self: None, True, END, "completed"),
    "finish()": (lambda self: self.finish(), False, END, "finished"),
    "reattempt(wait)": (lambda self: self.reattempt(WAIT), False, AGAIN, "reattempted"),
    "reattempt(at)": (lambda self: self.reattempt(at=self.created_at), False, AGAIN._replace(due=NOW), "reattempted"),
    "reattempt()": (lambda self: self.reattempt(), False, AGAIN._replace(due=OWN_WAIT), "reattempted"),
    "jump_to(step, wait)": (lambda self: self.jump_to("far", WAIT), False, FAR, "jumped"),
    "jump_to(step)": (lambda self: self.jump_to("far"), False, FAR._replace(due=NOW), "jumped"),
    "jump_to(itself)": (lambda self: self.jump_to("this"), False, FAR._replace(due=NOW, next="this"), "jumped"),
    "skip()": (lambda self: self.skip(), False, ON._replace(completed=0), "skipped"),
    "skip() of the last step": (lambda self: self.skip(), True, END._replace(completed=0), "skipped"),
    "cancel()": (lambda self: self.cancel("declined"), False, OVER, "canceled"),
    "pause()": (lambda self: self.pause("to be looked at"), False, STOPPED, "paused"),
}
RETURNED = {
    "Completed()": (Completed(), False, ON),
    "Finished()": (Finished(), False, END),
    "Reattempted(wait)": (Reattempted(WAIT), False, AGAIN),
    "Reattempted(seconds)": (Reattempted(wait=30), False, AGAIN._replace(due=timedelta(seconds=30))),
    "Reattempted()": (Reattempted(), False, AGAIN._replace(due=OWN_WAIT)),
    "Jumped(step, wait)": (Jumped("far", WAIT), False, FAR),
    "Skipped()": (Skipped(), False, ON._replace(completed=0)),
    "Skipped() at the last step": (Skipped(), True, END._replace(completed=0)),
    "Canceled(reason)": (Canceled("declined"), False, OVER),
    "Paused(reason)": (Paused("to be looked at"), False, STOPPED),
}
FAILED = STOPPED._replace(attempts=3, failures=3, losses=0)
TWICE = {"wait": 10, "backoff": 2, "jitter": 0}
EXCEPTIONS: dict[str, tuple[dict[str, Any], Line]] = {
    "pause": ({"on_exception": "pause"}, FAILED),
    "reattempt, within its limit": (
        {"on_exception": Reattempt(**TWICE)},
        AGAIN._replace(due=timedelta(seconds=40), failures=3, round=SAME),
    ),
    "limit reached, then pause": ({"on_exception": Reattempt(max_attempts=3)}, FAILED),
    "limit reached, then cancel": (
        {"on_exception": Reattempt(max_attempts=3, then="cancel")},
        FAILED._replace(state=CANCELED),
    ),
    "skip": ({"on_exception": "skip"}, ON._replace(completed=0)),
    "cancel": ({"on_exception": "cancel"}, FAILED._replace(state=CANCELED)),
}
LOST = Line(READY, SAME, "this", NOW, 0, 0, 3, NEW, failures=SAME, losses=2)
LOSSES = {
    "reattempt": (False, LOST),
    "pause": (False, LOST._replace(state=PAUSED, due=SAME)),
    "cancel": (False, LOST._replace(state=CANCELED, due=SAME)),
    "skip": (False, ON._replace(entered=0, completed=0)),
    "skip the last": (True, END._replace(entered=0, completed=0, fence=NEW)),
}


@pytest.mark.parametrize("case", BODIES)
def test_what_a_body_comes_to(case, clock, customer):
    body, last, line, name = BODIES[case]
    journey = at_this_step(trip(body, last=last), customer, clock)
    before = row_of(journey)
    outcome = journey.perform_next_step()
    assert outcome.name == name
    check(journey, line, before, clock.now())
    entry = last_entry(journey)
    assert (entry.step_name, entry.attempt, entry.outcome, entry.state) == ("this", 3, name, line.state)
    assert (entry.error_class, entry.message, entry.traceback) == (None, None, None)
    assert len(entries_of(journey)) == 2


@pytest.mark.parametrize("case", RETURNED)
def test_an_outcome_may_be_returned_as_well(case, clock, customer):
    outcome, last, line = RETURNED[case]
    journey = at_this_step(trip(lambda self: outcome, last=last), customer, clock)
    before = row_of(journey)
    assert journey.perform_next_step() == outcome
    check(journey, line, before, clock.now())
    assert last_entry(journey).outcome == outcome.name


@pytest.mark.parametrize("options", [{"skip_if": True}, {"only_if": False}])
def test_a_condition_that_passes_over_a_step(options, clock, customer):
    journey = at_this_step(trip(raises, **options), customer, clock)
    before = row_of(journey)
    assert journey.perform_next_step() == Skipped()
    check(journey, ON._replace(entered=0, completed=0), before, clock.now())
    assert last_entry(journey).outcome == "skipped"


@pytest.mark.parametrize("options", [{"skip_if": True}, {"only_if": False}])
def test_a_condition_that_passes_over_the_last_step(options, clock, customer):
    journey = at_this_step(trip(raises, last=True, **options), customer, clock)
    before = row_of(journey)
    journey.perform_next_step()
    check(journey, END._replace(entered=0, completed=0), before, clock.now())


def test_cancel_if_holds(clock, customer):
    journey = at_this_step(trip(raises, canceled=lambda self: self.steps_entered == 1), customer, clock)
    before = row_of(journey)
    assert journey.perform_next_step().name == "canceled"
    check(journey, OVER._replace(entered=0), before, clock.now())
    assert (last_entry(journey).outcome, last_entry(journey).reason) == ("canceled", "cancel_if ended")


@pytest.mark.parametrize("case", EXCEPTIONS)
def test_what_an_exception_comes_to(case, clock, customer):
    options, line = EXCEPTIONS[case]
    journey = at_this_step(trip(raises, **options), customer, clock)
    before = row_of(journey)
    with pytest.raises(OSError, match="no network"):
        journey.perform_next_step()
    check(journey, line, before, clock.now())
    entry = last_entry(journey)
    assert (entry.outcome, entry.state, entry.attempt) == ("failed", line.state, 3)
    assert (entry.error_class, entry.message) == ("OSError", "no network")
    assert "in raises" in entry.traceback


@pytest.mark.parametrize("case", EXCEPTIONS)
def test_a_condition_that_raises_enters_nothing(case, clock, customer):
    options, line = EXCEPTIONS[case]
    journey = at_this_step(trip(skip_if=raises, **options), customer, clock)
    before = row_of(journey)
    with pytest.raises(OSError, match="no network"):
        journey.perform_next_step()
    check(journey, line._replace(entered=0), before, clock.now())
    assert last_entry(journey).outcome == "failed"


@pytest.mark.parametrize("case", LOSSES)
def test_what_a_loss_comes_to(case, clock, customer):
    last, line = LOSSES[case]
    journey = at_this_step(trip(last=last, if_lost=case.split()[0]), customer, clock)
    before = row_of(journey)
    claimed_by(journey, "a worker that dies")
    clock.move(timedelta(seconds=61))
    assert recover() == 1
    check(journey, line, before, clock.now())
    entry = last_entry(journey)
    assert (entry.step_name, entry.attempt, entry.outcome, entry.state) == ("this", 3, "lost", line.state)
    assert entry.by == "a worker that dies"


def test_a_performance_that_came_early_changes_nothing(clock, customer):
    journey = start(trip(), customer)
    journey.perform_next_step()
    clock.move(OWN_WAIT - timedelta(seconds=1))
    before = row_of(journey)
    assert journey.perform_next_step() is None
    assert row_of(journey) == before
    assert len(entries_of(journey)) == 1


def test_conditions_are_not_looked_at_early(clock, customer):
    journey = start(trip(skip_if=raises, canceled=lambda self: self.steps_entered == 1), customer)
    journey.perform_next_step()
    assert journey.perform_next_step() is None
    assert journey.state == READY


def test_a_hero_whose_record_is_gone_cancels_and_says_so(clock, customer):
    journey = at_this_step(trip(raises), customer, clock)
    before = row_of(journey)
    delete(customer)
    assert journey.perform_next_step() == Canceled("the hero is gone")
    check(journey, OVER._replace(entered=0), before, clock.now())
    assert row_of(journey).reason == last_entry(journey).reason == "the hero is gone"


def test_reattempt_without_any_wait_is_due_now(clock, customer):
    class Again(Journey[Customer]):
        @step
        def poll(self):
            self.reattempt()

    journey = start(Again, customer)
    journey.perform_next_step()
    assert journey.next_step_to_be_performed_at == clock.now()


def test_a_reattempt_policy_given_as_wait_counts_by_attempts(clock, customer):
    again = Reattempt(wait=10, backoff=3, jitter=0, max_attempts=1, then="cancel")
    journey = at_this_step(trip(lambda self: self.reattempt(again)), customer, clock)
    before = row_of(journey)
    journey.perform_next_step()
    check(journey, AGAIN._replace(due=timedelta(seconds=90)), before, clock.now())


def test_the_reason_of_a_stop_is_kept_and_goes_when_the_journey_moves_on(clock, customer):
    journey = at_this_step(trip(lambda self: self.pause("to be looked at")), customer, clock)
    journey.perform_next_step()
    assert journey.reason == last_entry(journey).reason == "to be looked at"
    journey.skip()
    assert journey.reason is None
