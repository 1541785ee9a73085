"""What the verbs from outside make of a row: the tables of SEMANTICS, section 5."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest

from stepper_motor.journeys import interventions
from stepper_motor.journeys.errors import InvalidState
from stepper_motor.journeys.interventions import Intervention
from stepper_motor.journeys.lifecycle import Loss
from stepper_motor.journeys.row import Destination, Entry, OffTheMap, Onward, Row, State, Stranded, TheEnd, Transition
from tests.journeys.rows import (
    ELSEWHERE,
    FOLLOWING,
    LATER,
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

Verb = Callable[[Row, Intervention], Transition]

ON = Onward(FOLLOWING, LATER)


def with_destination(verb: Callable[[Row, Destination, Intervention], Transition], to: Destination) -> Verb:
    return lambda row, told: verb(row, to, told)


VERBS: dict[str, Verb] = {
    "pause": interventions.pause,
    "cancel": interventions.cancel,
    "resume": interventions.resume,
    "skip": with_destination(interventions.skip, ON),
    "reattempt": with_destination(interventions.reattempt, Onward(THIS, LATER)),
    "reschedule": with_destination(interventions.reschedule, Onward(THIS, LATER)),
    "jump_to": with_destination(interventions.jump_to, Onward(ELSEWHERE, LATER)),
    "finish": interventions.finish,
}
LAST = with_destination(interventions.skip, TheEnd())
LOOK_AT_THE_STATE_ALONE = ("pause", "cancel", "resume")
LOOK_AT_THE_FENCE = ("skip", "reattempt", "reschedule", "jump_to", "finish")


def intervene(name: str, standing: str, **told: Any) -> Transition:
    return VERBS[name](STANDING[standing], Intervention(NOW, NEW, **told))


LEGAL = table("""
                             | state      previous next      due   in done att fail lost round fence arrived ended held
pause on ready               | paused     =        =         =     =  =    =   =    =    =     =     =       =     no
pause on performing          | paused     =        =         =     =  =    =   =    =    =     =     =       =     yes
pause on performing, lost    | paused     =        =         =     =  =    =   =    =    =     =     =       =     yes
cancel on ready              | canceled   =        =         =     =  =    =   =    =    =     =     =       now   no
cancel on performing         | canceled   =        =         =     =  =    =   =    =    =     =     =       now   yes
cancel on performing, lost   | canceled   =        =         =     =  =    =   =    =    =     =     =       now   yes
cancel on paused             | canceled   =        =         =     =  =    =   =    =    =     =     =       now   no
cancel on paused, held       | canceled   =        =         =     =  =    =   =    =    =     =     =       now   yes
cancel on paused, lost       | canceled   =        =         =     =  =    =   =    =    =     =     =       now   yes
cancel on paused, no due     | canceled   =        =         null  =  =    =   =    =    =     =     =       now   no
resume on paused             | ready      =        =         =     =  =    =   0    0    =     new   =       =     no
resume on paused, no due     | ready      =        =         now   =  =    =   0    0    =     new   =       =     no
resume on paused, held       | performing =        =         =     =  =    =   0    0    =     =     =       =     yes
skip on ready                | ready      this     following later =  =    0   0    0    =     new   now     =     no
skip on paused               | ready      this     following later =  =    0   0    0    =     new   now     =     no
skip on paused, no due       | ready      this     following later =  =    0   0    0    =     new   now     =     no
reattempt on ready           | ready      =        =         later =  =    =   0    0    =     new   =       =     no
reattempt on paused          | ready      =        =         later =  =    =   0    0    =     new   =       =     no
reattempt on paused, no due  | ready      =        =         later =  =    =   0    0    =     new   =       =     no
reschedule on ready          | ready      =        =         later =  =    =   =    =    =     new   =       =     no
reschedule on paused         | paused     =        =         later =  =    =   =    =    =     new   =       =     no
reschedule on paused, no due | paused     =        =         later =  =    =   =    =    =     new   =       =     no
jump_to on ready             | ready      =        elsewhere later =  =    0   0    0    +1    new   now     null  no
jump_to on paused            | ready      =        elsewhere later =  =    0   0    0    +1    new   now     null  no
jump_to on paused, no due    | ready      =        elsewhere later =  =    0   0    0    +1    new   now     null  no
jump_to on canceled          | ready      =        elsewhere later =  =    0   0    0    +1    new   now     null  no
jump_to on finished          | ready      =        elsewhere later =  =    0   0    0    +1    new   now     null  no
finish on ready              | finished   =        null      null  =  =    0   0    0    =     =     =       now   no
finish on paused             | finished   =        null      null  =  =    0   0    0    =     =     =       now   no
finish on paused, no due     | finished   =        null      null  =  =    0   0    0    =     =     =       now   no
""")

# What `if_lost` makes of a row that nobody performs any more, and then the verb of what it became.
AFTER_A_LOSS = table("""
                             | state      previous next      due   in done att fail lost round fence arrived ended held
resume on paused, lost       | ready      =        =         now   =  =    +1  0    0    =     new   =       =     no
skip on paused, lost         | ready      this     following later =  =    0   0    0    =     new   now     =     no
reattempt on paused, lost    | ready      =        =         later =  =    +1  0    0    =     new   =       =     no
reschedule on paused, lost   | paused     =        =         later =  =    +1  =    +1   =     new   =       =     no
jump_to on paused, lost      | ready      =        elsewhere later =  =    0   0    0    +1    new   now     null  no
finish on paused, lost       | finished   =        null      null  =  =    0   0    0    =     new   =       now   no
skip on performing, lost     | ready      this     following later =  =    0   0    0    =     new   now     =     no
reattempt on performing, lost | ready     =        =         later =  =    +1  0    0    =     new   =       =     no
reschedule on performing, lost | ready    =        =         later =  =    +1  =    +1   =     new   =       =     no
jump_to on performing, lost  | ready      =        elsewhere later =  =    0   0    0    +1    new   now     null  no
finish on performing, lost   | finished   =        null      null  =  =    0   0    0    =     new   =       now   no
jump_to on canceled, lost    | ready      =        elsewhere later =  =    0   0    0    +1    new   now     null  no
""")


def verb_and_standing(case: Case) -> tuple[str, str]:
    verb, _, standing = case.name.partition(" on ")
    return verb, standing


ALL = {(verb, standing) for verb in VERBS for standing in STANDING}
IN_A_TABLE = {verb_and_standing(case) for case in (*LEGAL, *AFTER_A_LOSS)}
REFUSED_AFTER_A_LOSS = {
    ("resume", "performing, lost"), ("resume", "canceled, lost"), ("skip", "canceled, lost"),
    ("reattempt", "canceled, lost"), ("reschedule", "canceled, lost"), ("finish", "canceled, lost"),
}  # fmt: skip
ILLEGAL = sorted(ALL - IN_A_TABLE - REFUSED_AFTER_A_LOSS)


# ------------------------------------------------------------------------------------------ the two tables


@pytest.mark.parametrize("case", each(LEGAL))
def test_what_a_verb_does_to_the_row(case: Case) -> None:
    verb, standing = verb_and_standing(case)
    transition = intervene(verb, standing)
    assert columns_of(transition.row) == case.becomes(STANDING[standing])
    assert transition.refusal is None


@pytest.mark.parametrize(("verb", "standing"), ILLEGAL)
def test_on_any_other_state_it_is_refused_and_names_verb_and_state(verb: str, standing: str) -> None:
    with pytest.raises(InvalidState) as caught:
        intervene(verb, standing)
    assert (caught.value.verb, caught.value.state) == (verb, STANDING[standing].state)
    assert str(caught.value).startswith(f"can't {verb} a journey that is {STANDING[standing].state.value}")


def test_what_is_refused() -> None:
    """The table above is the rest of another one; so that the rest is seen, too."""
    refused = {verb: sorted(standing for each, standing in ILLEGAL if each == verb) for verb in VERBS}
    ended = ["canceled", "canceled, held", "canceled, lost", "finished"]
    running = ["canceled, held", "paused, held", "performing"]
    assert refused == {
        "pause": [*ended, "paused", "paused, held", "paused, lost", "paused, no due"],
        "cancel": ended,
        "resume": ["canceled", "canceled, held", "finished", "performing", "ready"],
        **{verb: sorted({"canceled", "finished", *running}) for verb in ("skip", "reattempt", "reschedule", "finish")},
        "jump_to": running,
    }


@pytest.mark.parametrize("standing", ["ready", "paused", "paused, no due"])
def test_skipping_the_last_step_finishes_and_leaves_the_fence(standing: str) -> None:
    row = STANDING[standing]
    [case] = table("""
                 | state    previous next due  in done att fail lost round fence arrived ended held
the last skipped | finished this     null null =  =    0   0    0    =     =     =       now   no
    """)
    assert columns_of(LAST(row, Intervention(NOW, NEW)).row) == case.becomes(row)


@pytest.mark.parametrize("case", each(LEGAL))
def test_a_verb_leaves_holder_and_lease_alone(case: Case) -> None:
    verb, standing = verb_and_standing(case)
    before, after = STANDING[standing], intervene(verb, standing).row
    assert (after.performed_by, after.lease_expires_at) == (before.performed_by, before.lease_expires_at)
    assert after.updated_at == NOW


@pytest.mark.parametrize(
    ("verb", "reason"),
    [("pause", "to be checked"), ("cancel", "to be checked"), ("reschedule", "as it was")]
    + [(verb, None) for verb in ("resume", "skip", "reattempt", "jump_to", "finish")],
)
def test_the_reason_is_kept_while_it_stops_and_goes_when_it_moves_on(verb: str, reason: str | None) -> None:
    standing = "ready" if verb == "pause" else "paused"
    assert intervene(verb, standing, reason="to be checked").row.reason == reason


def test_a_pause_without_a_reason_has_none() -> None:
    assert intervene("pause", "ready").row.reason is None


# ------------------------------------------------------------------------------------------------- history


@pytest.mark.parametrize("case", each(LEGAL))
def test_the_history_tells_who_did_what_and_why(case: Case) -> None:
    verb, standing = verb_and_standing(case)
    outcomes = {
        "pause": "paused", "cancel": "canceled", "resume": "resumed", "skip": "skipped", "reattempt": "reattempted",
        "reschedule": "rescheduled", "jump_to": "jumped", "finish": "finished",
    }  # fmt: skip
    transition = intervene(verb, standing, by="Ada", reason="she said so")
    assert transition.entries == (
        Entry(
            step_name=STANDING[standing].next_step_name, attempt=None, outcome=outcomes[verb],
            state=transition.row.state, reason="she said so", error_class=None, message=None, traceback=None,
            by="Ada", started_at=NOW, finished_at=NOW,
        ),
    )  # fmt: skip


# ------------------------------------------------------------------------------------ a double click, the fence


@pytest.mark.parametrize("verb", LOOK_AT_THE_FENCE)
@pytest.mark.parametrize("standing", ["ready", "paused", "paused, held", "paused, lost", "performing, lost"])
def test_a_verb_on_a_journey_that_has_moved_on_is_refused(verb: str, standing: str) -> None:
    with pytest.raises(InvalidState, match="has moved on to charge"):
        intervene(verb, standing, seen="an older fence")


@pytest.mark.parametrize("verb", LOOK_AT_THE_FENCE)
def test_a_verb_on_the_journey_that_the_caller_saw_is_not(verb: str) -> None:
    assert intervene(verb, "ready", seen=OLD) == intervene(verb, "ready", seen=None)


def test_a_double_click_skips_one_step() -> None:
    once = interventions.skip(READY, ON, Intervention(NOW, NEW, seen=OLD)).row
    with pytest.raises(InvalidState, match="has moved on to ship"):
        interventions.skip(once, Onward(ELSEWHERE, LATER), Intervention(NOW, "a third", seen=OLD))


def test_a_double_click_on_the_last_step_names_the_state() -> None:
    once = LAST(READY, Intervention(NOW, NEW, seen=OLD)).row
    with pytest.raises(InvalidState, match="can't skip a journey that is finished"):
        LAST(once, Intervention(NOW, "a third", seen=OLD))


@pytest.mark.parametrize("verb", LOOK_AT_THE_STATE_ALONE)
def test_pause_cancel_and_resume_look_at_the_state_alone(verb: str) -> None:
    standing = "paused" if verb == "resume" else "ready"
    assert intervene(verb, standing, seen="an older fence") == intervene(verb, standing)


def test_a_refusal_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(InvalidState("skip", "ready", "has moved on to ship")))
    assert str(error) == "can't skip a journey that is ready: has moved on to ship"
    assert (error.verb, error.state, error.why) == ("skip", "ready", "has moved on to ship")


# --------------------------------------------------------------------------------- unknown steps, broken waits


@pytest.mark.parametrize(
    "verb", [interventions.skip, interventions.reattempt, interventions.reschedule, interventions.jump_to]
)
@pytest.mark.parametrize(
    ("next_step_name", "message"),
    [
        ("erased", r"its next step 'erased' is not known to this code; use jump_to\(\) with the name of a step"),
        (None, r"it has no next step; use jump_to\(\) with the name of a step"),
    ],
)
def test_where_the_next_step_is_unknown_the_verb_names_jump_to(verb: Any, next_step_name: Any, message: str) -> None:
    row = STANDING["paused"]._replace(next_step_name=next_step_name)
    with pytest.raises(InvalidState, match=message):
        verb(row, OffTheMap(next_step_name or ""), Intervention(NOW, NEW))


@pytest.mark.parametrize(
    "verb", [interventions.skip, interventions.reattempt, interventions.reschedule, interventions.jump_to]
)
@pytest.mark.parametrize("standing", ["ready", "paused", "paused, lost"])
def test_a_verb_whose_next_wait_raises_raises_itself_and_changes_nothing(verb: Any, standing: str) -> None:
    with pytest.raises(ValueError, match="a wait of -1 day"):
        verb(STANDING[standing], Stranded(FOLLOWING, ValueError("a wait of -1 day")), Intervention(NOW, NEW))


def test_whether_a_verb_is_allowed_is_asked_before_its_wait() -> None:
    with pytest.raises(InvalidState):
        interventions.skip(STANDING["finished"], Stranded(FOLLOWING, ValueError()), Intervention(NOW, NEW))


# -------------------------------------------------------------------------------------------- while a step runs


@pytest.mark.parametrize("verb", LOOK_AT_THE_FENCE)
@pytest.mark.parametrize("standing", ["performing", "paused, held", "canceled, held"])
def test_while_a_step_runs_the_other_verbs_say_so(verb: str, standing: str) -> None:
    with pytest.raises(InvalidState, match="its step is still running"):
        intervene(verb, standing)


# ------------------------------------------------------------------------------------------- a lease that is over


@pytest.mark.parametrize("case", each(AFTER_A_LOSS))
def test_a_lost_performance_is_recovered_first(case: Case) -> None:
    verb, standing = verb_and_standing(case)
    transition = intervene(verb, standing)
    assert columns_of(transition.row) == case.becomes(STANDING[standing])
    assert transition.refusal is None


@pytest.mark.parametrize("case", each(AFTER_A_LOSS))
def test_the_history_tells_of_the_loss_and_then_of_the_verb(case: Case) -> None:
    verb, standing = verb_and_standing(case)
    loss, told = intervene(verb, standing, by="Ada").entries
    assert (loss.outcome, loss.by, loss.attempt, loss.step_name) == ("lost", "worker 1", 7, THIS)
    assert (told.by, told.attempt, told.step_name) == ("Ada", None, THIS)


@pytest.mark.parametrize(("verb", "standing"), sorted(REFUSED_AFTER_A_LOSS))
def test_a_verb_that_can_do_nothing_with_what_it_became_leaves_it_recovered(verb: str, standing: str) -> None:
    transition = intervene(verb, standing)
    refusal = transition.refusal
    assert isinstance(refusal, InvalidState)
    assert (refusal.verb, refusal.state) == (verb, transition.row.state)
    assert not transition.row.held
    assert transition.row.fence == NEW
    assert [entry.outcome for entry in transition.entries] == ["lost"]


@pytest.mark.parametrize("verb", LOOK_AT_THE_FENCE)
@pytest.mark.parametrize("standing", ["performing, lost", "paused, lost"])
def test_if_the_recovery_led_to_another_step_the_journey_has_moved_on(verb: str, standing: str) -> None:
    transition = intervene(verb, standing, loss=Loss("skip", ON), seen=OLD)
    assert "has moved on to ship" in str(transition.refusal)
    assert (transition.row.next_step_name, transition.row.next_step_to_be_performed_at) == (FOLLOWING, LATER)
    assert [entry.outcome for entry in transition.entries] == ["lost"]


@pytest.mark.parametrize("verb", ["resume", "skip", "reattempt", "reschedule", "finish"])
@pytest.mark.parametrize(
    ("loss", "state"), [(Loss("cancel"), State.CANCELED), (Loss("skip", TheEnd()), State.FINISHED)]
)
def test_if_the_recovery_ended_the_journey_the_verb_is_refused(verb: str, loss: Loss, state: State) -> None:
    transition = intervene(verb, "paused, lost", loss=loss)
    assert transition.row.state is state
    assert isinstance(transition.refusal, InvalidState)
    assert transition.refusal.state == state


def test_a_journey_that_the_recovery_canceled_can_be_reopened_at_once() -> None:
    transition = intervene("jump_to", "paused, lost", loss=Loss("cancel"))
    assert (transition.row.state, transition.row.next_step_name) == (State.READY, ELSEWHERE)
    assert transition.row.ended_at is None


@pytest.mark.parametrize("standing", ["performing, lost", "paused, lost"])
def test_what_is_paused_by_its_loss_can_be_resumed_at_once(standing: str) -> None:
    row = intervene("resume", standing, loss=Loss("pause")).row
    assert (row.state, row.fence, row.losses) == (State.READY, NEW, 0)
