"""Verbs from another connection while a step runs, on every database. SEMANTICS 5, "While a step runs"."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NamedTuple

import pytest

from stepper_motor import State
from tests.home import found, put, start
from tests.semantics.running import Slow, SlowFailing, SlowLast, running
from tests.semantics.seen import entries_of, last_entry, row_of

pytestmark = pytest.mark.database(transaction=True)

READY, PERFORMING, PAUSED, CANCELED, FINISHED = (
    State.READY, State.PERFORMING, State.PAUSED, State.CANCELED, State.FINISHED,
)  # fmt: skip
SAME = "="


@pytest.fixture
def slow(clock, customer):
    """A journey at `work`, which had a failure and a loss there, in its fifth round."""

    def at_work(*end: Any, of: Any = Slow) -> Any:
        journey = start(of, customer, data={"end": list(end)})
        journey.perform_next_step()
        clock.move(timedelta(hours=1))
        return put(journey, attempts=2, failures=1, losses=1, round=4)

    return at_work


class After(NamedTuple):
    """The row after the body has ended. Counters are added; a due time is counted from now in seconds."""

    state: State
    previous: str
    next: str | None
    due: int | str | None
    completed: int
    attempts: int
    fence: str
    round: int = 4
    failures: int = 0
    losses: int = 0


def check(journey: Any, before: Any, after: After, clock: Any) -> None:
    row = row_of(journey)
    assert (row.state, row.previous_step_name, row.next_step_name) == (after.state, after.previous, after.next)
    due = {SAME: before.next_step_to_be_performed_at, None: None}
    expected = due[after.due] if after.due in due else clock.now() + timedelta(seconds=int(after.due))
    assert row.next_step_to_be_performed_at == expected
    assert row.steps_entered - before.steps_entered == 1
    assert row.steps_completed - before.steps_completed == after.completed
    assert (row.attempts, row.failures, row.losses, row.round) == (
        after.attempts, after.failures, after.losses, after.round,
    )  # fmt: skip
    assert (row.fence == before.fence) == (after.fence == SAME)
    assert (row.performed_by, row.lease_expires_at) == (None, None)


# ------------------------------------------------------------------------------------------------------------ cancel

HOOK_OF = {PAUSED: "after_pause", CANCELED: "after_cancel", FINISHED: "after_finish"}
STAYS = After(CANCELED, "before", "work", SAME, 0, 2, SAME, failures=1, losses=1)
UNDER_CANCEL = {
    "a normal end": (["complete"], STAYS._replace(previous="work", next="following", completed=1)),
    "skip": (["skip"], STAYS._replace(previous="work", next="following")),
    "finish": (["finish"], STAYS._replace(previous="work", next=None, completed=1)),
    "reattempt": (["reattempt", 60], STAYS),
    "jump": (["jump_to", "far"], STAYS),
    "pause": (["pause", "look"], STAYS),
    "cancel": (["cancel", "no"], STAYS),
    "an exception": (["fail"], STAYS),
}


@pytest.mark.parametrize("case", UNDER_CANCEL)
def test_cancel_holds_at_once_and_whatever_the_body_does(case, slow, clock):
    end, after = UNDER_CANCEL[case]
    journey = slow(*end)
    before = row_of(journey)
    with running(journey):
        found(journey).cancel("changed her mind", by="Ada")
        row = row_of(journey)
        assert (row.state, row.reason, row.ended_at) == (CANCELED, "changed her mind", clock.now())
        assert (row.fence, row.performed_by is not None) == (before.fence, True)
        assert Slow.baton.hooks == []
    check(journey, before, after, clock)
    assert row_of(journey).reason == "changed her mind"
    assert Slow.baton.hooks == ["after_cancel"]
    intervention, performance = entries_of(journey)[1:]
    assert (intervention.outcome, intervention.by, intervention.state) == ("canceled", "Ada", CANCELED)
    assert (performance.step_name, performance.attempt, performance.state) == ("work", 3, CANCELED)


def test_after_a_cancel_what_the_body_set_is_still_saved(slow):
    journey = slow("complete")
    with running(journey):
        found(journey).cancel()
    assert found(journey).data["worked"] is True


def test_and_dropped_if_it_raised(slow):
    journey = slow("fail")
    with running(journey) as performance:
        found(journey).cancel()
    assert "worked" not in found(journey).data
    assert isinstance(performance.error, ConnectionError)
    assert (last_entry(journey).outcome, last_entry(journey).error_class) == ("failed", "ConnectionError")


def test_after_a_cancel_nothing_is_scheduled(slow, clock):
    journey = slow("complete")
    with running(journey):
        found(journey).cancel()
    clock.move(timedelta(days=365))
    assert found(journey).perform_next_step() is None


# ------------------------------------------------------------------------------------------------------------- pause

UNDER_PAUSE = {
    "a normal end": (["complete"], After(PAUSED, "work", "following", 7200, 1, 0, "new")),
    "skip": (["skip"], After(PAUSED, "work", "following", 7200, 0, 0, "new")),
    "reattempt": (["reattempt", 60], After(PAUSED, "work", "work", 60, 0, 3, "new", round=5)),
    "jump": (["jump_to", "far", 60], After(PAUSED, "work", "far", 60, 0, 0, "new", round=5)),
    "finish": (["finish"], After(FINISHED, "work", None, None, 1, 0, SAME)),
    "cancel": (["cancel", "no"], After(CANCELED, "before", "work", SAME, 0, 2, SAME, failures=1, losses=1)),
    "pause": (["pause", "look"], After(PAUSED, "before", "work", SAME, 0, 2, SAME, failures=1, losses=1)),
    "an exception": (["fail"], After(PAUSED, "before", "work", SAME, 0, 3, SAME, failures=2)),
}


@pytest.mark.parametrize("case", UNDER_PAUSE)
def test_pause_holds_at_once_and_only_a_resulting_ready_becomes_paused(case, slow, clock):
    end, after = UNDER_PAUSE[case]
    journey = slow(*end)
    before = row_of(journey)
    with running(journey):
        found(journey).pause("on the phone")
        row = row_of(journey)
        assert (row.state, row.reason, row.fence, row.next_step_name) == (PAUSED, "on the phone", before.fence, "work")
        assert row.performed_by
        assert Slow.baton.hooks == []
    check(journey, before, after, clock)
    assert Slow.baton.hooks == [HOOK_OF[after.state]]
    assert last_entry(journey).state == after.state


def test_the_reason_of_the_pause_stays(slow):
    journey = slow("complete")
    with running(journey):
        found(journey).pause("on the phone")
    assert row_of(journey).reason == "on the phone"


def test_a_failure_that_is_to_be_reattempted_is_paused_too(slow, clock):
    journey = slow("fail", of=SlowFailing)
    before = row_of(journey)
    with running(journey):
        found(journey).pause()
    check(journey, before, After(PAUSED, "work", "work", 120, 0, 3, "new", failures=2), clock)


@pytest.mark.parametrize(("end", "completed"), [("complete", 1), ("finish", 1), ("skip", 0)])
def test_a_last_step_ends_finished_though_it_was_paused(end, completed, slow, clock):
    journey = slow(end, of=SlowLast)
    before = row_of(journey)
    with running(journey):
        found(journey).pause()
    check(journey, before, After(FINISHED, "work", None, None, completed, 0, SAME), clock)


@pytest.mark.parametrize(("end", "completed"), [("complete", 1), ("finish", 1), ("skip", 0)])
def test_and_stays_canceled_if_it_was_canceled(end, completed, slow, clock):
    journey = slow(end, of=SlowLast)
    before = row_of(journey)
    with running(journey):
        found(journey).cancel()
    check(journey, before, STAYS._replace(previous="work", next=None, completed=completed), clock)


def test_a_paused_one_is_resumed_later_and_goes_on_at_its_due_time(slow, clock):
    journey = slow("complete")
    with running(journey):
        found(journey).pause()
    due = row_of(journey).next_step_to_be_performed_at
    found(journey).resume()
    assert (row_of(journey).state, row_of(journey).next_step_to_be_performed_at) == (READY, due)
