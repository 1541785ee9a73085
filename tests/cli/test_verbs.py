"""The verbs on the command line: `pause 1 2 3`, `jump-to 4 --step charge`, and what they refuse."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime, timedelta

import pytest

from stepper_motor import State, step
from tests.cli.running import lines, refusal, run
from tests.home import Drip, Journey, Payment, PaymentJourney, ThreeSteps, create, found, put_behind, start
from tests.semantics.seen import entries_of

pytestmark = pytest.mark.database


def after(journey):
    """Where it stands now: its state, next step and due time."""
    fresh = found(journey)
    return fresh.state, fresh.next_step_name, fresh.next_step_to_be_performed_at


def test_a_verb_acts_on_each_and_says_what_became_of_it(clock):
    first, second = start(ThreeSteps), start(ThreeSteps)

    told = lines("pause", first._id, second._id, "--reason", "the printer is out of paper")

    assert told == [f"{journey._id}: Paused: the printer is out of paper." for journey in (first, second)]
    assert [found(journey).state for journey in (first, second)] == [State.PAUSED] * 2


def test_what_is_refused_is_said_and_stops_no_other():
    canceled, ready = start(ThreeSteps), start(ThreeSteps)
    canceled.cancel()

    status, told = run("pause", canceled._id, 4711, ready._id)

    assert status == 1
    assert told[0] == f"{canceled._id}: refused: can't pause a journey that is canceled"
    assert told[1] == "4711: there is no journey 4711"
    assert found(ready).state is State.PAUSED


def test_the_history_tells_who_and_why():
    journey = start(ThreeSteps)

    lines("cancel", journey._id, "--by", "Grace", "--reason", "sold out")
    entry = entries_of(journey)[-1]
    assert (entry.outcome, entry.by, entry.reason) == ("canceled", "Grace", "sold out")


def test_nobody_named_is_the_user_of_the_machine():
    journey = start(ThreeSteps)

    lines("cancel", journey._id)
    assert entries_of(journey)[-1].by == getpass.getuser()


def test_every_verb_is_there(clock):
    journey, noon = start(Drip), clock.at
    id, hour = journey._id, timedelta(hours=1)
    said = [
        (["pause", id], (State.PAUSED, "welcome", noon)),
        (["resume", id], (State.READY, "welcome", noon)),
        (["skip", id], (State.READY, "remind", noon + timedelta(days=2))),
        (["reattempt", id], (State.READY, "remind", noon)),
        (["reattempt", id, "--wait", "1h30m"], (State.READY, "remind", noon + 1.5 * hour)),
        (["reattempt", id, "--at", "2030-01-10T15:00+01:00"], (State.READY, "remind", noon + 2 * hour)),
        (["reschedule", id], (State.READY, "remind", noon + timedelta(days=2))),
        (["reschedule", id, "--at", "2030-01-10T13:00Z"], (State.READY, "remind", noon + hour)),
        (["jump-to", id, "--step", "farewell", "--wait", "2d"], (State.READY, "farewell", noon + timedelta(days=2))),
        (["finish", id], (State.FINISHED, None, None)),
        (["jump-to", id, "--step", "welcome"], (State.READY, "welcome", noon)),
        (["cancel", id], (State.CANCELED, "welcome", noon)),
        (["jump-to", id, "--at", "2030-01-11T00:00Z"], (State.READY, "welcome", datetime(2030, 1, 11, tzinfo=UTC))),
    ]
    for arguments, stands in said:
        lines(*arguments)
        assert after(journey) == stands, arguments


def test_an_ended_journey_is_not_opened_again_while_its_hero_is_on_another(ada):
    before = start(ThreeSteps, ada)
    before.cancel()
    start(ThreeSteps, ada)

    assert "the hero is on another journey" in refusal("jump-to", before._id)


def test_a_step_that_is_not_there_is_refused():
    journey = start(ThreeSteps)
    assert refusal("jump-to", journey._id, "--step", "four") == (
        f"{journey._id}: refused: ThreeSteps has no step 'four'; it has one, two, three"
    )


def test_a_wait_of_the_apps_own_that_raises_is_told_by_its_name():
    class Broken(Journey):
        @step
        def one(self): ...

        @step(wait=lambda journey: journey.data["days"])
        def two(self): ...

    journey = start(Broken)
    assert refusal("skip", journey._id) == f"{journey._id}: refused: KeyError: 'days'"
    assert found(journey).next_step_name == "one"


def test_a_uuid_is_an_id_too():
    journey = start(PaymentJourney, create(Payment))
    lines("pause", journey._id)
    assert found(journey).state is State.PAUSED


def test_a_journey_of_an_unknown_type_can_be_canceled():
    journey = start(ThreeSteps)
    put_behind(journey, type="gone.Journey")

    lines("cancel", journey._id)
    assert found(journey).state is State.CANCELED


REFUSED = [
    (["pause"], "ID"),
    (["pause", "1", "--wait", "5"], "--wait"),
    (["reattempt", "1", "--wait", "soon"], "must be a duration such as 90 (seconds), 15min, 1h30m or 2d, got 'soon'"),
    (["reattempt", "1", "--wait=-5"], "must be a duration"),
    (["reattempt", "1", "--wait", "5 fortnights"], "must be a duration"),
    (["reattempt", "1", "--wait", "99999999999999d"], "a duration that can pass"),
    (["reattempt", "1", "--at", "2030-01-10T12:00"], "how far it is from UTC, such as 2030-01-10T12:00Z"),
    (["reschedule", "1", "--at", "noon"], "must be a time such as"),
    (["jump-to", "1", "--wait", "5", "--at", "2030-01-10T12:00Z"], "not allowed with"),
]


@pytest.mark.parametrize(("arguments", "says"), REFUSED)
def test_wrong_arguments_are_refused_with_a_reason(arguments, says, capsys):
    with pytest.raises(SystemExit, match="2"):
        run(*arguments)
    assert says in capsys.readouterr().err
