"""What a performance makes of a row: the tables of SEMANTICS, sections 3, 5 ("while a step runs") and 8."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from stepper_motor.journeys.lifecycle import (
    REASON_LIMIT,
    Ending,
    Loss,
    Problem,
    claim,
    claimable,
    depart,
    hand_back,
    recover,
    run_on,
    settle,
    shortened,
)
from stepper_motor.journeys.outcomes import (
    Canceled,
    Completed,
    Failed,
    Finished,
    Jumped,
    Lost,
    Outcome,
    Paused,
    Reattempted,
    Resumed,
    Skipped,
)
from stepper_motor.journeys.row import Destination, Entry, OffTheMap, Onward, Row, State, Stranded, TheEnd
from tests.journeys.rows import (
    ARRIVED,
    BEGAN,
    DUE,
    ELSEWHERE,
    FOLLOWING,
    LATER,
    LEASE,
    NEW,
    NOW,
    OLD,
    READY,
    STANDING,
    THIS,
    Case,
    columns_of,
    each,
    table,
)

ON = Onward(FOLLOWING, LATER)
AGAIN = Onward(THIS, LATER)
ACROSS = Onward(ELSEWHERE, LATER)
END = TheEnd()
BROKEN = Stranded(FOLLOWING, ValueError("a wait of -1 day"))
BROKEN_AGAIN = Stranded(THIS, ValueError("a wait of -1 day"))
REMOVED = OffTheMap(THIS)


def ended(outcome: Outcome, destination: Destination | None = None, *, entered: bool = True, **more: Any) -> Ending:
    return Ending(THIS, outcome, entered, BEGAN, destination, **more)


def failed(then: Outcome, destination: Destination | None = None, *, entered: bool = True) -> Ending:
    problem = Problem("KeyError", "'card'", "Traceback ...")
    return ended(Failed(KeyError("card"), then), destination, entered=entered, problem=problem)


def lost(if_lost: str, destination: Destination | None = None, *, graceful: bool = False) -> Ending:
    return ended(Lost(if_lost, graceful), destination)


ENDINGS = {
    "normal end, more steps": ended(Completed(), ON),
    "normal end, last": ended(Completed(), END),
    "normal end, a broken wait": ended(Completed(), BROKEN),
    "normal end, step removed": ended(Completed(), REMOVED),
    "finish()": ended(Finished()),
    "finish() in a condition": ended(Finished(), entered=False),
    "reattempt(wait=w)": ended(Reattempted(timedelta(days=2)), AGAIN),
    "reattempt()": ended(Reattempted(), AGAIN),
    "reattempt() in a condition": ended(Reattempted(), AGAIN, entered=False),
    "reattempt(), own wait broken": ended(Reattempted(), BROKEN_AGAIN),
    "reattempt(), step removed": ended(Reattempted(), REMOVED),
    "jump_to(step, wait)": ended(Jumped(ELSEWHERE), ACROSS),
    "jump_to() in a condition": ended(Jumped(ELSEWHERE), ACROSS, entered=False),
    "jump_to(this step)": ended(Jumped(THIS), AGAIN),
    "skip()": ended(Skipped(), ON),
    "skip(), last": ended(Skipped(), END),
    "skip(), a broken wait": ended(Skipped(), BROKEN),
    "skip(), step removed": ended(Skipped(), REMOVED),
    "skip_if holds": ended(Skipped(), ON, entered=False),
    "skip_if holds, last": ended(Skipped(), END, entered=False),
    "skip_if holds, a broken wait": ended(Skipped(), BROKEN, entered=False),
    "cancel()": ended(Canceled("declined")),
    "cancel_if holds, or hero gone": ended(Canceled("the hero is gone"), entered=False),
    "pause()": ended(Paused("to be checked")),
    "pause() in a condition": ended(Paused(), entered=False),
    "next step unknown": ended(Paused("no such step"), entered=False),
    "exception -> pause": failed(Paused()),
    "exception in a condition": failed(Paused(), entered=False),
    "exception -> reattempt": failed(Reattempted(), AGAIN),
    "exception -> reattempt, removed": failed(Reattempted(), REMOVED),
    "exception -> limit, then pause": failed(Paused("20 failures in a row")),
    "exception -> limit, then cancel": failed(Canceled("20 failures in a row")),
    "exception -> cancel": failed(Canceled()),
    "exception -> skip": failed(Skipped(), ON),
    "exception -> skip, last": failed(Skipped(), END),
    "exception -> skip, a broken wait": failed(Skipped(), BROKEN),
    "exception -> skip, removed": failed(Skipped(), REMOVED),
    "handler jumps": failed(Jumped(ELSEWHERE), ACROSS),
    "handler finishes": failed(Finished()),
    "lost -> reattempt": lost("reattempt"),
    "lost -> pause": lost("pause"),
    "lost -> cancel": lost("cancel"),
    "lost -> skip": lost("skip", ON),
    "lost -> skip, last": lost("skip", END),
    "lost -> skip, a broken wait": lost("skip", BROKEN),
    "lost, step unknown": lost("reattempt", REMOVED),
    "interrupted -> reattempt": lost("reattempt", graceful=True),
    "interrupted -> pause": lost("pause", graceful=True),
    "interrupted -> cancel": lost("cancel", graceful=True),
    "interrupted -> skip": lost("skip", ON, graceful=True),
}

SETTLED = table("""
                                | state    previous next      due   in done att fail lost round fence arrived ended held
normal end, more steps          | ready    this     following later +1 +1   0   0    0    =     new   now     null  no
normal end, last                | finished this     null      null  +1 +1   0   0    0    =     =     =       now   no
normal end, a broken wait       | paused   this     following null  +1 +1   0   0    0    =     new   now     null  no
normal end, step removed        | paused   this     this      =     +1 +1   =   =    =    =     =     =       null  no
finish()                        | finished this     null      null  +1 +1   0   0    0    =     =     =       now   no
finish() in a condition         | finished this     null      null  =  =    0   0    0    =     =     =       now   no
reattempt(wait=w)               | ready    this     this      later +1 =    +1  0    0    +1    new   =       null  no
reattempt()                     | ready    this     this      later +1 =    +1  0    0    +1    new   =       null  no
reattempt() in a condition      | ready    this     this      later =  =    +1  0    0    +1    new   =       null  no
reattempt(), own wait broken    | paused   this     this      null  +1 =    +1  0    0    +1    new   =       null  no
reattempt(), step removed       | paused   this     this      =     +1 =    +1  0    0    +1    =     =       null  no
jump_to(step, wait)             | ready    this     elsewhere later +1 =    0   0    0    +1    new   now     null  no
jump_to() in a condition        | ready    this     elsewhere later =  =    0   0    0    +1    new   now     null  no
jump_to(this step)              | ready    this     this      later +1 =    0   0    0    +1    new   now     null  no
skip()                          | ready    this     following later +1 =    0   0    0    =     new   now     null  no
skip(), last                    | finished this     null      null  +1 =    0   0    0    =     =     =       now   no
skip(), a broken wait     | paused   this     following null  +1 =    0   0    0    =     new   now     null  no
skip(), step removed            | paused   this     this      =     +1 =    =   =    =    =     =     =       null  no
skip_if holds                   | ready    this     following later =  =    0   0    0    =     new   now     null  no
skip_if holds, last             | finished this     null      null  =  =    0   0    0    =     =     =       now   no
skip_if holds, a broken wait    | paused   this     following null  =  =    0   0    0    =     new   now     null  no
cancel()                        | canceled =        this      =     +1 =    =   =    =    =     =     =       now   no
cancel_if holds, or hero gone   | canceled =        this      =     =  =    =   =    =    =     =     =       now   no
pause()                         | paused   =        this      =     +1 =    =   =    =    =     =     =       null  no
pause() in a condition          | paused   =        this      =     =  =    =   =    =    =     =     =       null  no
next step unknown               | paused   =        this      =     =  =    =   =    =    =     =     =       null  no
exception -> pause              | paused   =        this      =     +1 =    +1  +1   0    =     =     =       null  no
exception in a condition        | paused   =        this      =     =  =    +1  +1   0    =     =     =       null  no
exception -> reattempt          | ready    this     this      later +1 =    +1  +1   0    =     new   =       null  no
exception -> reattempt, removed | paused   this     this      =     +1 =    +1  +1   0    =     =     =       null  no
exception -> limit, then pause  | paused   =        this      =     +1 =    +1  +1   0    =     =     =       null  no
exception -> limit, then cancel | canceled =        this      =     +1 =    +1  +1   0    =     =     =       now   no
exception -> cancel             | canceled =        this      =     +1 =    +1  +1   0    =     =     =       now   no
exception -> skip               | ready    this     following later +1 =    0   0    0    =     new   now     null  no
exception -> skip, last         | finished this     null      null  +1 =    0   0    0    =     =     =       now   no
exception -> skip, a broken wait | paused   this     following null  +1 =    0   0    0    =     new   now     null  no
exception -> skip, removed      | paused   this     this      =     +1 =    =   =    =    =     =     =       null  no
handler jumps                   | ready    this     elsewhere later +1 =    0   0    0    +1    new   now     null  no
handler finishes                | finished this     null      null  +1 =    0   0    0    =     =     =       now   no
lost -> reattempt               | ready    =        this      now   =  =    +1  =    +1   =     new   =       null  no
lost -> pause                   | paused   =        this      =     =  =    +1  =    +1   =     new   =       null  no
lost -> cancel                  | canceled =        this      =     =  =    +1  =    +1   =     new   =       now   no
lost -> skip                    | ready    this     following later =  =    0   0    0    =     new   now     null  no
lost -> skip, last              | finished this     null      null  =  =    0   0    0    =     new   =       now   no
lost -> skip, a broken wait     | paused   this     following null  =  =    0   0    0    =     new   now     null  no
lost, step unknown              | paused   =        this      =     =  =    +1  =    +1   =     new   =       null  no
interrupted -> reattempt        | ready    =        this      now   =  =    +1  =    =    =     new   =       null  no
interrupted -> pause            | paused   =        this      =     =  =    +1  =    =    =     new   =       null  no
interrupted -> cancel           | canceled =        this      =     =  =    +1  =    =    =     new   =       now   no
interrupted -> skip             | ready    this     following later =  =    0   0    0    =     new   now     null  no
""")

SETTLED_UNDER_A_CANCEL = table("""
                                | state    previous next      due   in done att fail lost round fence arrived ended held
normal end, more steps          | canceled this     following =     +1 +1   =   =    =    =     =     =       =     no
normal end, last                | canceled this     null      =     +1 +1   =   =    =    =     =     =       =     no
normal end, a broken wait       | canceled this     following =     +1 +1   =   =    =    =     =     =       =     no
normal end, step removed        | canceled this     this      =     +1 +1   =   =    =    =     =     =       =     no
finish()                        | canceled this     null      =     +1 +1   =   =    =    =     =     =       =     no
finish() in a condition         | canceled this     null      =     =  =    =   =    =    =     =     =       =     no
reattempt(wait=w)               | canceled =        this      =     +1 =    =   =    =    =     =     =       =     no
reattempt()                     | canceled =        this      =     +1 =    =   =    =    =     =     =       =     no
reattempt() in a condition      | canceled =        this      =     =  =    =   =    =    =     =     =       =     no
reattempt(), own wait broken    | canceled =        this      =     +1 =    =   =    =    =     =     =       =     no
reattempt(), step removed       | canceled =        this      =     +1 =    =   =    =    =     =     =       =     no
jump_to(step, wait)             | canceled =        this      =     +1 =    =   =    =    =     =     =       =     no
jump_to() in a condition        | canceled =        this      =     =  =    =   =    =    =     =     =       =     no
jump_to(this step)              | canceled =        this      =     +1 =    =   =    =    =     =     =       =     no
skip()                          | canceled this     following =     +1 =    =   =    =    =     =     =       =     no
skip(), last                    | canceled this     null      =     +1 =    =   =    =    =     =     =       =     no
skip(), a broken wait     | canceled this     following =     +1 =    =   =    =    =     =     =       =     no
skip(), step removed            | canceled this     this      =     +1 =    =   =    =    =     =     =       =     no
skip_if holds                   | canceled this     following =     =  =    =   =    =    =     =     =       =     no
skip_if holds, last             | canceled this     null      =     =  =    =   =    =    =     =     =       =     no
skip_if holds, a broken wait    | canceled this     following =     =  =    =   =    =    =     =     =       =     no
cancel()                        | canceled =        this      =     +1 =    =   =    =    =     =     =       =     no
cancel_if holds, or hero gone   | canceled =        this      =     =  =    =   =    =    =     =     =       =     no
pause()                         | canceled =        this      =     +1 =    =   =    =    =     =     =       =     no
pause() in a condition          | canceled =        this      =     =  =    =   =    =    =     =     =       =     no
next step unknown               | canceled =        this      =     =  =    =   =    =    =     =     =       =     no
exception -> pause              | canceled =        this      =     +1 =    =   =    =    =     =     =       =     no
exception in a condition        | canceled =        this      =     =  =    =   =    =    =     =     =       =     no
exception -> reattempt          | canceled =        this      =     +1 =    =   =    =    =     =     =       =     no
exception -> reattempt, removed | canceled =        this      =     +1 =    =   =    =    =     =     =       =     no
exception -> limit, then pause  | canceled =        this      =     +1 =    =   =    =    =     =     =       =     no
exception -> limit, then cancel | canceled =        this      =     +1 =    =   =    =    =     =     =       =     no
exception -> cancel             | canceled =        this      =     +1 =    =   =    =    =     =     =       =     no
exception -> skip               | canceled this     following =     +1 =    =   =    =    =     =     =       =     no
exception -> skip, last         | canceled this     null      =     +1 =    =   =    =    =     =     =       =     no
exception -> skip, a broken wait | canceled this     following =     +1 =    =   =    =    =     =     =       =     no
exception -> skip, removed      | canceled this     this      =     +1 =    =   =    =    =     =     =       =     no
handler jumps                   | canceled =        this      =     +1 =    =   =    =    =     =     =       =     no
handler finishes                | canceled this     null      =     +1 =    =   =    =    =     =     =       =     no
lost -> reattempt               | canceled =        this      =     =  =    =   =    =    =     new   =       =     no
lost -> pause                   | canceled =        this      =     =  =    =   =    =    =     new   =       =     no
lost -> cancel                  | canceled =        this      =     =  =    =   =    =    =     new   =       =     no
lost -> skip                    | canceled =        this      =     =  =    =   =    =    =     new   =       =     no
lost -> skip, last              | canceled =        this      =     =  =    =   =    =    =     new   =       =     no
lost -> skip, a broken wait     | canceled =        this      =     =  =    =   =    =    =     new   =       =     no
lost, step unknown              | canceled =        this      =     =  =    =   =    =    =     new   =       =     no
interrupted -> reattempt        | canceled =        this      =     =  =    =   =    =    =     new   =       =     no
interrupted -> pause            | canceled =        this      =     =  =    =   =    =    =     new   =       =     no
interrupted -> cancel           | canceled =        this      =     =  =    =   =    =    =     new   =       =     no
interrupted -> skip             | canceled =        this      =     =  =    =   =    =    =     new   =       =     no
""")

LOSSES = [case for case in SETTLED if case.name.startswith("lost")]


def settled(row: Row, name: str) -> Row:
    return settle(row, ENDINGS[name], NOW, NEW).row


def recovered(row: Row, name: str) -> Row:
    """The same loss, found by recovery."""
    outcome = ENDINGS[name].outcome
    assert isinstance(outcome, Lost)
    return recover(row, Loss(outcome.if_lost, ENDINGS[name].destination), NOW, NEW).row


def under_a_pause(case: Case) -> Case:
    """Of what the outcome gives, only a resulting ready becomes paused."""
    state = case.cells["state"]
    return Case(case.name, {**case.cells, "state": "paused" if state == "ready" else state})


# --------------------------------------------------------------------------- settling, SEMANTICS 3 and 5


def test_every_ending_stands_in_both_tables() -> None:
    assert [case.name for case in SETTLED] == [case.name for case in SETTLED_UNDER_A_CANCEL] == list(ENDINGS)


@pytest.mark.parametrize("case", each(SETTLED))
def test_what_an_outcome_does_to_the_row(case: Case) -> None:
    row = STANDING["performing"]
    assert columns_of(settled(row, case.name)) == case.becomes(row)


@pytest.mark.parametrize("case", each(SETTLED))
def test_under_a_pause_only_a_resulting_ready_becomes_paused(case: Case) -> None:
    row = STANDING["paused, held"]
    assert columns_of(settled(row, case.name)) == under_a_pause(case).becomes(row)


@pytest.mark.parametrize("case", each(SETTLED_UNDER_A_CANCEL))
def test_under_a_cancel_nothing_moves(case: Case) -> None:
    row = STANDING["canceled, held"]
    assert columns_of(settled(row, case.name)) == case.becomes(row)


@pytest.mark.parametrize("standing", ["performing", "paused, held", "canceled, held"])
@pytest.mark.parametrize("name", ENDINGS)
def test_a_settlement_lets_the_row_go(standing: str, name: str) -> None:
    after = settled(STANDING[standing], name)
    assert (after.performed_by, after.lease_expires_at, after.updated_at) == (None, None, NOW)


@pytest.mark.parametrize("standing", ["performing", "paused, held", "canceled, held"])
@pytest.mark.parametrize("outcome", [Completed(), Finished()])
def test_a_body_that_was_not_entered_completes_nothing(standing: str, outcome: Outcome) -> None:
    row = settle(STANDING[standing], ended(outcome, ON, entered=False), NOW, NEW).row
    assert (row.steps_entered, row.steps_completed) == (9, 5)


def test_a_journey_goes_on_under_the_new_name_of_a_renamed_step() -> None:
    row = STANDING["performing"]._replace(next_step_name="the old name")
    assert settled(row, "exception -> pause").next_step_name == THIS
    assert settled(row, "normal end, more steps").previous_step_name == THIS


@pytest.mark.parametrize("outcome", [Resumed(), Failed(KeyError(), Completed())])
def test_what_is_no_outcome_of_a_performance_is_an_error(outcome: Outcome) -> None:
    with pytest.raises(TypeError):
        settle(STANDING["performing"], ended(outcome, ON), NOW, NEW)


def test_a_reattempt_must_lead_somewhere() -> None:
    with pytest.raises(TypeError, match="leads to a due time"):
        settle(STANDING["performing"], ended(Reattempted(), END), NOW, NEW)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("normal end, more steps", None),
        ("normal end, last", None),
        ("normal end, a broken wait", "the wait of step 'ship' raised ValueError: a wait of -1 day"),
        ("normal end, step removed", "step 'charge' was removed while it ran: nobody knows which step follows"),
        ("reattempt()", None),
        ("reattempt(), own wait broken", "the wait of step 'charge' raised ValueError: a wait of -1 day"),
        ("jump_to(step, wait)", None),
        ("cancel()", "declined"),
        ("pause()", "to be checked"),
        ("exception -> pause", "KeyError: 'card'"),
        ("exception -> cancel", "KeyError: 'card'"),
        ("exception -> reattempt", "KeyError: 'card'"),
        ("exception -> limit, then pause", "20 failures in a row"),
        ("exception -> limit, then cancel", "20 failures in a row"),
        ("exception -> skip", None),
        ("lost -> reattempt", "the performer was lost, put back"),
        ("lost -> skip", None),
        ("lost -> pause", "the performer was lost (if_lost)"),
        ("lost, step unknown", "lost at step 'charge', which this code does not know"),
    ],
)
def test_the_reason_tells_why_it_stopped_and_goes_when_it_moves_on(name: str, reason: str | None) -> None:
    assert settled(STANDING["performing"], name).reason == reason


@pytest.mark.parametrize("name", ["normal end, more steps", "reattempt()", "lost -> reattempt", "lost -> skip"])
def test_under_a_pause_the_reason_is_that_of_the_pause(name: str) -> None:
    assert settled(STANDING["paused, held"], name).reason == "as it was"


@pytest.mark.parametrize("name", ENDINGS)
def test_under_a_cancel_the_reason_is_that_of_the_cancel(name: str) -> None:
    assert settled(STANDING["canceled, held"], name).reason == "as it was"


def test_a_long_reason_is_cut() -> None:
    row = settle(STANDING["performing"], ended(Paused("x" * 1000)), NOW, NEW).row
    assert row.reason is not None
    assert len(row.reason) == REASON_LIMIT
    assert row.reason.endswith("x…")
    assert shortened("short") == "short"


# -------------------------------------------------------------------------------- what the history tells


def test_a_performance_is_told_with_attempt_performer_and_times() -> None:
    [entry] = settle(STANDING["performing"], ended(Completed(), ON, remark="a note"), NOW, NEW).entries
    assert entry == Entry(
        step_name=THIS, attempt=7, outcome="completed", state=State.READY, reason="a note",
        error_class=None, message=None, traceback=None, by="worker 1", started_at=BEGAN, finished_at=NOW,
    )  # fmt: skip


@pytest.mark.parametrize("then", [Paused(), Canceled(), Skipped(), Finished(), Reattempted(), Jumped(ELSEWHERE)])
@pytest.mark.parametrize("standing", ["performing", "paused, held", "canceled, held"])
def test_the_error_is_always_kept_in_the_history(then: Outcome, standing: str) -> None:
    [entry] = settle(STANDING[standing], failed(then, AGAIN), NOW, NEW).entries
    assert (entry.outcome, entry.error_class, entry.message) == ("failed", "KeyError", "'card'")
    assert entry.traceback == "Traceback ..."


@pytest.mark.parametrize(
    "name", ["normal end, a broken wait", "reattempt(), own wait broken", "skip_if holds, a broken wait"]
)
def test_what_a_wait_raised_is_kept_in_the_history(name: str) -> None:
    row, [entry], _ = settle(STANDING["performing"], ENDINGS[name], NOW, NEW)
    assert (entry.error_class, entry.message, entry.state) == ("ValueError", "a wait of -1 day", State.PAUSED)
    assert entry.reason == row.reason


def test_a_note_goes_before_the_broken_wait_that_stands_in_the_message_too() -> None:
    [entry] = settle(STANDING["performing"], ended(Completed(), BROKEN, remark="a note"), NOW, NEW).entries
    assert (entry.reason, entry.message) == ("a note", "a wait of -1 day")


def test_an_exception_and_then_a_broken_wait_are_both_kept() -> None:
    [entry] = settle(STANDING["performing"], ENDINGS["exception -> skip, a broken wait"], NOW, NEW).entries
    assert (entry.error_class, entry.message) == ("KeyError", "'card'")
    assert entry.reason == "the wait of step 'ship' raised ValueError: a wait of -1 day"


@pytest.mark.parametrize(
    ("ending", "reason"),
    [
        (ended(Paused("why")), "why"),
        (ended(Canceled("why")), "why"),
        (failed(Canceled("too often")), "too often"),
        (failed(Paused()), None),
    ],
)
def test_the_reason_of_the_outcome_is_told(ending: Ending, reason: str | None) -> None:
    [entry] = settle(STANDING["performing"], ending, NOW, NEW).entries
    assert entry.reason == reason


def test_under_a_cancel_the_history_tells_what_the_body_did() -> None:
    [entry] = settle(STANDING["canceled, held"], ended(Completed(), ON), NOW, NEW).entries
    assert (entry.outcome, entry.state) == ("completed", State.CANCELED)


# ------------------------------------------------------------------------------ lost performances, SEMANTICS 8


@pytest.mark.parametrize("case", each(LOSSES))
def test_recovery_applies_if_lost(case: Case) -> None:
    row = STANDING["performing, lost"]
    assert columns_of(recovered(row, case.name)) == case.becomes(row)


@pytest.mark.parametrize("case", each(LOSSES))
def test_a_loss_under_a_pause_is_settled_like_any_outcome(case: Case) -> None:
    row = STANDING["paused, lost"]
    assert columns_of(recovered(row, case.name)) == under_a_pause(case).becomes(row)


def test_a_loss_under_a_pause_leaves_the_reason_of_the_pause() -> None:
    assert recovered(STANDING["paused, lost"], "lost -> reattempt").reason == "as it was"


@pytest.mark.parametrize("name", [case.name for case in LOSSES])
def test_recovery_under_a_cancel_frees_the_row_and_moves_nothing_else(name: str) -> None:
    row = STANDING["canceled, lost"]
    assert recovered(row, name) == row._replace(fence=NEW, performed_by=None, lease_expires_at=None, updated_at=NOW)


@pytest.mark.parametrize(
    ("standing", "if_lost"), [("performing, lost", each) for each in ("reattempt", "pause", "cancel", "skip")]
)
def test_lost_three_times_in_a_row_is_poison_whatever_if_lost_says(standing: str, if_lost: str) -> None:
    row = STANDING[standing]._replace(losses=2)
    after = recover(row, Loss(if_lost, ON), NOW, NEW).row
    assert (after.state, after.losses, after.fence, after.next_step_name) == (State.PAUSED, 3, NEW, THIS)
    assert after.reason == "lost 3 times in a row at step 'charge'"


def test_twice_is_no_poison() -> None:
    assert recover(STANDING["performing, lost"]._replace(losses=1), Loss(), NOW, NEW).row.state is State.READY


def test_how_many_losses_are_poison_is_a_setting() -> None:
    row = STANDING["performing, lost"]._replace(losses=3)
    assert recover(row, Loss(poison_after=5), NOW, NEW).row.state is State.READY
    assert recover(row, Loss(poison_after=4), NOW, NEW).row.state is State.PAUSED


@pytest.mark.parametrize("losses", [2, 3, 10])
def test_an_interrupt_at_a_graceful_stop_does_not_count_towards_poison(losses: int) -> None:
    after = settled(STANDING["performing"]._replace(losses=losses), "interrupted -> reattempt")
    assert (after.state, after.losses) == (State.READY, losses)


@pytest.mark.parametrize(
    ("standing", "began"), [("performing, lost", BEGAN), ("paused, lost", None), ("canceled, lost", None)]
)
def test_a_lost_performance_has_one_entry(standing: str, began: object) -> None:
    row = STANDING[standing]
    [entry] = recover(row, Loss(), NOW, NEW).entries
    assert (entry.step_name, entry.attempt, entry.outcome, entry.by) == (THIS, 7, "lost", "worker 1")
    assert (entry.started_at, entry.finished_at) == (began, NOW)
    assert entry.state == recover(row, Loss(), NOW, NEW).row.state


# ---------------------------------------------------------------------------- depart, claim, run on, hand back


def test_a_journey_departs_ready_for_its_first_step() -> None:
    row = depart(ON, NOW, NEW)
    assert row == Row(
        state=State.READY, reason=None, previous_step_name=None, next_step_name=FOLLOWING,
        next_step_to_be_performed_at=LATER, attempts=0, failures=0, losses=0, round=0, steps_entered=0,
        steps_completed=0, fence=NEW, arrived_at=NOW, lease_expires_at=None, performed_by=None, updated_at=NOW,
        ended_at=None,
    )  # fmt: skip


def test_a_journey_without_steps_is_finished_at_creation() -> None:
    row = depart(END, NOW, NEW)
    assert (row.state, row.ended_at, row.next_step_name) == (State.FINISHED, NOW, None)
    assert row.next_step_to_be_performed_at is None


def test_a_journey_whose_first_wait_raises_does_not_begin() -> None:
    with pytest.raises(ValueError, match="-1 day"):
        depart(BROKEN, NOW, NEW)
    with pytest.raises(ValueError, match="off the map"):
        depart(REMOVED, NOW, NEW)


@pytest.mark.parametrize("standing", STANDING)
def test_only_a_ready_row_is_claimable(standing: str) -> None:
    assert claimable(STANDING[standing], NOW) is (standing == "ready")


@pytest.mark.parametrize(("due", "expected"), [(NOW, True), (DUE, True), (LATER, False), (None, False)])
def test_only_a_row_that_is_due_is_claimable(due: Any, expected: bool) -> None:
    assert claimable(READY._replace(next_step_to_be_performed_at=due), NOW) is expected


def test_a_ticket_claims_only_the_row_with_its_fence() -> None:
    assert claimable(READY, NOW, OLD)
    assert not claimable(READY, NOW, NEW)


def test_a_claim_takes_a_lease_and_changes_nothing_else() -> None:
    assert claim(READY, "worker 1", LEASE, NOW) == READY._replace(
        state=State.PERFORMING, performed_by="worker 1", lease_expires_at=LEASE, updated_at=NOW
    )


def test_running_on_is_settling_and_claiming_in_one_and_leaves_the_due_time_alone() -> None:
    before = STANDING["performing"]
    row = run_on(settle(before, ended(Completed(), Onward(FOLLOWING, NOW)), NOW, NEW).row, "worker 1", LEASE, before)
    assert (row.state, row.performed_by, row.lease_expires_at) == (State.PERFORMING, "worker 1", LEASE)
    assert (row.next_step_name, row.fence, row.steps_completed) == (FOLLOWING, NEW, before.steps_completed + 1)
    assert row.next_step_to_be_performed_at == DUE


@pytest.mark.parametrize(
    ("standing", "state"),
    [("performing", State.READY), ("paused, held", State.PAUSED), ("canceled, held", State.CANCELED)],
)
def test_what_was_claimed_and_not_begun_is_handed_back_under_a_new_fence(standing: str, state: State) -> None:
    row = STANDING[standing]
    assert hand_back(row, NOW, NEW) == row._replace(
        state=state, fence=NEW, performed_by=None, lease_expires_at=None, updated_at=NOW
    )


def test_none_of_them_forgets_when_the_journey_came_to_its_step() -> None:
    performing = STANDING["performing"]
    for row in (claim(READY, "w", LEASE, NOW), hand_back(performing, NOW, NEW), recovered(performing, "lost -> pause")):
        assert row.arrived_at == ARRIVED
