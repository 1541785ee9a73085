"""Verbs on a row that a lost performance still holds: it is recovered first. SEMANTICS 5 and 8."""

from datetime import timedelta

import pytest

from stepper_motor import InvalidState, State, step
from tests.home import NOON, Customer, Journey, found, only, put_behind, start, these
from tests.semantics.holding import hold
from tests.semantics.seen import entries_of

pytestmark = pytest.mark.database

HOUR = timedelta(hours=1)


class Climb(Journey[Customer]):
    @step
    def camp(self): ...

    @step(wait=HOUR)
    def peak(self): ...


class Passing(Climb):
    if_lost = "skip"


class Halting(Climb):
    if_lost = "pause"


class Ending(Climb):
    if_lost = "cancel"


def lost(cls, customer, state="performing", **columns):
    """A journey whose performer vanished: its lease is over, and nobody has recovered it yet."""
    journey = start(cls, customer)
    hold(journey, NOON, state)
    if columns:
        put_behind(journey, **columns)
    return found(journey)


def told(journey):
    return [(entry.outcome, entry.state, entry.by) for entry in entries_of(journey)]


@pytest.mark.parametrize(
    ("verb", "outcome", "next"),
    [
        (lambda journey: journey.skip(), "skipped", "peak"),
        (lambda journey: journey.reattempt(HOUR), "reattempted", "camp"),
        (lambda journey: journey.reschedule(NOON + HOUR), "rescheduled", "camp"),
        (lambda journey: journey.jump_to("peak"), "jumped", "peak"),
        (lambda journey: journey.finish(), "finished", None),
    ],
)
def test_a_verb_recovers_the_row_and_then_acts_on_what_it_became(clock, customer, verb, outcome, next):
    journey = lost(Climb, customer)
    fence = journey.fence
    verb(journey)
    assert (journey.next_step_name, journey.performed_by, journey.lease_expires_at) == (next, None, None)
    assert journey.fence != fence
    assert [(entry[0], entry[2]) for entry in told(journey)] == [("lost", "worker 1"), (outcome, None)]
    assert journey._row == only(Climb)._row


def test_a_late_performer_passes_no_more(clock, customer):
    journey = lost(Climb, customer)
    stale = journey.fence
    journey.reattempt()
    assert journey.perform_next_step(fence=stale) is None
    assert journey.perform_next_step(fence=journey.fence) is not None


def test_resume_of_a_row_that_was_paused_under_its_lost_step(clock, customer):
    journey = lost(Climb, customer, state="paused")
    journey.resume(by="Ada")
    assert (journey.state, journey.next_step_name, journey.performed_by) == (State.READY, "camp", None)
    assert told(journey) == [("lost", "paused", "worker 1"), ("resumed", "ready", "Ada")]
    assert (journey.attempts, journey.failures, journey.losses) == (1, 0, 0)


def test_a_loss_that_pauses_can_be_resumed_and_skipped(clock, customer):
    journey = lost(Halting, customer)
    journey.resume()
    assert (journey.state, journey.next_step_name) == (State.READY, "camp")
    hold(journey, NOON)
    journey.skip()
    assert (journey.state, journey.next_step_name) == (State.READY, "peak")


@pytest.mark.parametrize("verb", ["skip", "reattempt", "reschedule", "jump_to", "finish"])
def test_a_recovery_that_moves_it_to_another_step_is_kept_and_the_verb_is_refused(clock, customer, verb):
    journey = lost(Passing, customer)
    with pytest.raises(InvalidState, match=f"can't {verb} a journey that is ready: has moved on to peak"):
        getattr(journey, verb)()
    found = only(Passing)
    assert (found.state, found.next_step_name, found.next_step_to_be_performed_at) == ("ready", "peak", NOON + HOUR)
    assert told(found) == [("lost", "ready", "worker 1")]
    assert journey._row == found._row


@pytest.mark.parametrize("verb", ["skip", "reattempt", "reschedule", "finish", "resume"])
def test_a_recovery_that_ends_it_is_kept_and_the_verb_is_refused(clock, customer, verb):
    journey = lost(Ending, customer)
    with pytest.raises(InvalidState, match=f"can't {verb} a journey that is canceled"):
        getattr(journey, verb)()
    found = only(Ending)
    assert (found.state, found.performed_by, found.ended_at) == (State.CANCELED, None, NOON)
    assert told(found) == [("lost", "canceled", "worker 1")]


def test_but_a_jump_reopens_it(clock, customer):
    journey = lost(Ending, customer)
    journey.jump_to("camp")
    assert (journey.state, journey.next_step_name, journey.ended_at) == (State.READY, "camp", None)
    assert [entry[0] for entry in told(journey)] == ["lost", "jumped"]


def test_the_third_loss_in_a_row_pauses_it_and_a_skip_goes_on_from_there(clock, customer):
    journey = lost(Climb, customer, losses=2, attempts=2)
    journey.skip()
    assert [entry[:2] for entry in told(journey)] == [("lost", "paused"), ("skipped", "ready")]
    assert (journey.state, journey.next_step_name, journey.losses) == (State.READY, "peak", 0)


@pytest.mark.parametrize(("verb", "state"), [("pause", "paused"), ("cancel", "canceled")])
def test_pause_and_cancel_look_at_the_state_alone(clock, customer, verb, state):
    journey = lost(Climb, customer)
    getattr(journey, verb)()
    assert (journey.state, journey.performed_by) == (state, "worker 1")
    assert told(journey) == [(state, state, None)]


def test_the_fence_is_compared_before_the_recovery(clock, customer):
    stale = start(Climb, customer)
    only(Climb).reattempt()
    hold(stale, NOON)
    with pytest.raises(InvalidState, match="can't skip a journey that is performing: has moved on to camp"):
        stale.skip()
    assert only(Climb).performed_by == "worker 1"
    assert "lost" not in [entry.outcome for entry in entries_of(stale)]


def test_an_object_from_before_the_loss_will_do(clock, customer):
    """The claim keeps the fence: whoever saw the journey ready means this step."""
    journey = start(Climb, customer)
    hold(journey, NOON)
    journey.skip()
    assert (journey.state, journey.next_step_name) == (State.READY, "peak")


def test_a_canceled_row_is_freed_by_the_verb_that_reopens_it(clock, customer):
    journey = lost(Climb, customer, state="canceled", ended_at=NOON)
    journey.jump_to()
    assert (journey.state, journey.next_step_name, journey.performed_by) == (State.READY, "camp", None)
    assert [entry[:2] for entry in told(journey)] == [("lost", "canceled"), ("jumped", "ready")]


def test_in_bulk_the_same(clock, customer):
    lost(Climb, customer)
    lost(Ending, customer)
    lost(Passing, customer)
    assert these(Journey).reattempt() == (1, 2, 0)
    assert [(journey.state, journey.performed_by) for journey in these(Journey).order_by("id")] == [
        ("ready", None), ("canceled", None), ("ready", None),
    ]  # fmt: skip
    assert these(Journey.History, outcome="lost").count() == 3
