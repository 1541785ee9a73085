"""Verbs on a row that a performance holds, alive or lost. SEMANTICS 5, "While a step runs"."""

from __future__ import annotations

import threading
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from stepper_motor import Completed, InvalidState, State
from tests.conditions import wait_until
from tests.home import found, put, start
from tests.semantics.running import Slow, SlowCanceled, SlowRenewed, SlowSkipped, running
from tests.semantics.seen import last_entry, recover, row_of, told
from tests.semantics.side_by_side import side_by_side

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


def test_as_long_as_the_lease_lives_resume_leads_back_to_performing(slow):
    journey = slow("complete")
    before = row_of(journey)
    with running(journey) as performance:
        found(journey).pause()
        found(journey).resume()
        row = row_of(journey)
        assert (row.state, row.fence, row.reason) == (PERFORMING, before.fence, None)
        assert row.performed_by
    assert performance.outcome == Completed()
    assert (row_of(journey).state, row_of(journey).next_step_name) == (READY, "following")
    assert [outcome for _, outcome in told(journey)[1:]] == ["paused", "resumed", "completed"]
    assert Slow.baton.hooks == []


def test_such_a_resume_renews_the_budget_of_failures_too(slow):
    journey = slow("fail")
    with running(journey):
        found(journey).pause()
        found(journey).resume()
        assert (row_of(journey).failures, row_of(journey).losses) == (0, 0)
    assert (row_of(journey).failures, row_of(journey).attempts) == (1, 3)


VERBS = {
    "skip": lambda journey: journey.skip(),
    "reattempt": lambda journey: journey.reattempt(),
    "reschedule": lambda journey: journey.reschedule(),
    "jump_to": lambda journey: journey.jump_to("far"),
    "finish": lambda journey: journey.finish(),
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("first", ["nothing", "pause", "cancel"])
def test_the_other_verbs_are_refused(first, verb, slow):
    journey = slow("complete")
    with running(journey) as performance:
        if first != "nothing":
            getattr(found(journey), first)()
        before = row_of(journey)
        with pytest.raises(InvalidState, match=verb):
            VERBS[verb](found(journey))
        assert row_of(journey) == before
    assert performance.outcome == Completed()
    assert row_of(journey).steps_completed == 2


@pytest.mark.parametrize(
    ("first", "second"), [("pause", "pause"), ("cancel", "cancel"), ("cancel", "pause"), ("cancel", "resume")]
)
def test_a_second_verb_meets_the_state_of_the_first(first, second, slow):
    journey = slow("complete")
    with running(journey):
        getattr(found(journey), first)()
        with pytest.raises(InvalidState, match=f"{second}.*{row_of(journey).state}"):
            getattr(found(journey), second)()


def test_resume_of_a_performing_journey_is_refused(slow):
    journey = slow("complete")
    with running(journey), pytest.raises(InvalidState, match="performing"):
        found(journey).resume()


def test_a_pause_may_still_become_a_cancel(slow):
    journey = slow("complete")
    with running(journey):
        found(journey).pause()
        found(journey).cancel("for good")
    assert (row_of(journey).state, row_of(journey).reason) == (CANCELED, "for good")
    assert Slow.baton.hooks == ["after_cancel"]


def test_nobody_claims_a_paused_row_that_is_held(slow):
    journey = slow("complete")
    with running(journey):
        found(journey).pause()
        assert found(journey).perform_next_step() is None
        found(journey).resume()
        assert found(journey).perform_next_step() is None


# --------------------------------------------------------------------------------------------------- losses underneath


@pytest.mark.parametrize("verb", ["pause", "cancel"])
def test_a_loss_under_a_pause_or_a_cancel(verb, slow, clock):
    journey = slow("complete")
    with running(journey) as performance:
        getattr(found(journey), verb)("stop")
        before = row_of(journey)
        clock.move(timedelta(seconds=60))
        assert recover() == 1
        row = row_of(journey)
        assert row.state == before.state
        assert (row.reason, row.performed_by) == ("stop", None)
        assert row.fence != before.fence
        if verb == "cancel":
            assert (row.next_step_name, row.attempts) == ("work", 2)
            assert row.next_step_to_be_performed_at == before.next_step_to_be_performed_at
        else:
            assert (row.attempts, row.losses) == (3, 2)
        assert Slow.baton.hooks == [f"after_{verb}"]
    assert performance.outcome is None
    assert row_of(journey) == row
    assert last_entry(journey).outcome == "lost"


def test_a_loss_under_a_pause_that_skips_ends_paused_at_the_next_step(slow, clock):
    journey = slow("complete", of=SlowSkipped)
    with running(journey):
        found(journey).pause()
        clock.move(timedelta(seconds=60))
        recover()
    assert (row_of(journey).state, row_of(journey).next_step_name) == (PAUSED, "following")


ON_A_LOST_ONE = {
    "resume": (lambda journey: journey.resume(), "pause", READY, "work"),
    "skip": (lambda journey: journey.skip(), None, READY, "following"),
    "reattempt": (lambda journey: journey.reattempt(), None, READY, "work"),
    "reschedule": (lambda journey: journey.reschedule(), None, READY, "work"),
    "jump_to": (lambda journey: journey.jump_to("far"), None, READY, "far"),
    "finish": (lambda journey: journey.finish(), None, FINISHED, None),
    "jump_to a canceled one": (lambda journey: journey.jump_to("far"), "cancel", READY, "far"),
}


@pytest.mark.parametrize("case", ON_A_LOST_ONE)
def test_a_verb_on_a_row_whose_lease_is_over_first_recovers_it(case, slow, clock):
    verb, first, state, next_step = ON_A_LOST_ONE[case]
    journey = slow("complete")
    with running(journey) as performance:
        if first:
            getattr(found(journey), first)()
        before = row_of(journey)
        clock.move(timedelta(seconds=60))
        verb(found(journey))
        row = row_of(journey)
        assert (row.state, row.next_step_name, row.performed_by) == (state, next_step, None)
        assert row.fence != before.fence
        assert [outcome for _, outcome in told(journey)][-2] == "lost"
    assert performance.outcome is None
    assert row_of(journey) == row


def test_if_the_recovery_moved_the_journey_on_the_verb_says_so(slow, clock):
    journey = slow("complete", of=SlowSkipped)
    with running(journey):
        clock.move(timedelta(seconds=60))
        with pytest.raises(InvalidState, match="has moved on to following"):
            found(journey).skip()
        assert (row_of(journey).state, row_of(journey).next_step_name) == (READY, "following")
        assert last_entry(journey).outcome == "lost"


def test_if_the_recovery_ended_the_journey_its_hook_is_called_all_the_same(slow, clock):
    journey = slow("complete", of=SlowCanceled)
    with running(journey):
        clock.move(timedelta(seconds=60))
        with pytest.raises(InvalidState, match="canceled"):
            found(journey).reattempt()
        assert (row_of(journey).state, told(journey)[-1]) == (CANCELED, ("work", "lost"))
        assert Slow.baton.hooks == ["after_cancel"]


def test_an_object_loaded_before_the_step_moved_on_is_refused(slow):
    journey = slow("complete")
    stale = found(journey)
    with running(journey):
        pass
    with pytest.raises(InvalidState, match="has moved on to following"):
        stale.skip()
    assert row_of(journey).next_step_name == "following"


# ----------------------------------------------------------------------------------------------------- both at once


@pytest.mark.parametrize(
    ("verbs", "states"),
    [
        (("cancel", "cancel"), {CANCELED}),
        (("pause", "pause"), {PAUSED}),
        (("cancel", "finish"), {CANCELED, FINISHED}),
        (("skip", "skip"), {READY}),
    ],
)
def test_of_two_verbs_at_once_the_loser_is_told_so(verbs, states, slow):
    journey = slow("complete")
    barrier = threading.Barrier(2)

    def act(verb):
        mine = found(journey)
        barrier.wait(10)
        getattr(mine, verb)()

    results = side_by_side(*[partial(act, verb) for verb in verbs])
    assert sorted(isinstance(result, InvalidState) for result in results) == [False, True]
    assert row_of(journey).state in states
    assert len(told(journey)) == 2


def test_a_verb_at_the_very_moment_of_the_settlement_loses_nothing(slow, clock):
    journey = slow("complete")
    with running(journey) as performance:
        Slow.baton.may_end.set()
        found(journey).pause("just then")
    row = row_of(journey)
    assert (row.state, row.next_step_name, row.steps_completed) == (PAUSED, "following", 2)
    assert performance.outcome == Completed()
    assert sorted(outcome for _, outcome in told(journey)[1:]) == ["completed", "paused"]


def test_the_heartbeat_renews_a_row_that_was_paused_while_its_step_runs(customer):
    journey = start(SlowRenewed, customer)
    journey.jump_to("work")
    with running(journey):
        found(journey).pause()
        first = row_of(journey).lease_expires_at
        wait_until(lambda: row_of(journey).lease_expires_at > first + timedelta(seconds=1))
        assert recover() == 0
    assert (row_of(journey).state, row_of(journey).next_step_name) == (PAUSED, "following")
