"""`show` tells everything about one journey: where it is, how it got there, and what comes next."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from stepper_motor import step
from tests.cli.running import data, lines, refusal
from tests.home import Drip, Journey, Payment, PaymentJourney, ThreeSteps, create, hero_type_of, put_behind, start

pytestmark = pytest.mark.database


def test_it_begins_with_what_there_is_to_say(clock, ada):
    journey = start(Drip, ada, key="spring")
    journey.perform_next_step()

    heading, whom, why, follows, *_ = lines("show", journey._id)

    assert heading == f"{Drip.definition.type_name} {journey._id} (ready)"
    assert whom == f"for {hero_type_of(type(ada))}:{ada.id} with the key 'spring'"
    assert f"{why} {follows}" == str(journey.explain())


def test_then_come_the_columns_that_say_something(clock):
    journey = start(Drip, data={"cart": 7})

    told = lines("show", journey._id)

    assert "next_step_name                welcome" in told
    assert "next_step_to_be_performed_at  2030-01-10 12:00:00 UTC" in told
    assert 'data                          {"cart": 7}' in told
    assert not any(line.startswith("ended_at") for line in told)


def test_then_comes_its_history(clock):
    class Failing(Journey):
        @step
        def work(self):
            raise RuntimeError("no\nluck")

    journey = start(Failing)
    with pytest.raises(RuntimeError):
        journey.perform_next_step()
    journey.resume(by="Grace", reason="mended")

    header, failed, resumed = [line.split() for line in lines("show", journey._id)[-3:]]

    assert header == ["FINISHED", "STEP", "ATTEMPT", "OUTCOME", "STATE", "BY", "REASON"]
    assert failed[:7] == ["2030-01-10", "12:00:00", "UTC", "work", "1", "failed", "paused"]
    assert " ".join(failed).endswith("RuntimeError: no luck")
    assert resumed == ["2030-01-10", "12:00:00", "UTC", "work", "resumed", "ready", "Grace", "mended"]


def test_of_a_long_history_the_last_entries_are_shown():
    journey = start(Drip)
    for reason in ("one", "two", "three"):
        journey.pause(reason)
        journey.resume()

    told = lines("show", journey._id, "--entries", 2)[-2:]

    assert [line.split()[4] for line in told] == ["paused", "resumed"]
    assert told[0].endswith("three")


def test_nothing_may_have_happened_yet():
    assert lines("show", start(Drip)._id)[-1] == "Nothing has happened to it yet."


def test_as_json_it_is_the_row_with_explanation_and_history(clock):
    journey = start(Drip)
    journey.pause("why not", by="Grace")
    clock.move(timedelta(minutes=5))

    (told,) = data("show", journey._id)

    assert (told["id"], told["state"], told["data"]) == (journey._id, "paused", {})
    explained = journey.explain()
    assert {name: told["explanation"][name] for name in ("why", "next", "step", "overdue")} == {
        "why": explained.why, "next": explained.next, "step": "welcome", "overdue": None,
    }  # fmt: skip
    assert told["explanation"]["coming"][0] == ["remind", "2030-01-12T12:05:00+00:00"]
    (entry,) = told["history"]
    assert (entry["outcome"], entry["by"], entry["reason"]) == ("paused", "Grace", "why not")
    assert entry["finished_at"] == "2030-01-10T12:00:00+00:00"


def test_a_length_of_time_is_told_in_seconds(clock):
    journey = start(Drip)
    clock.move(timedelta(minutes=5))

    assert data("show", journey._id)[0]["explanation"]["overdue"] == 300


def test_a_uuid_is_an_id_too(clock):
    journey = start(PaymentJourney, create(Payment))

    assert lines("show", journey._id)[0] == f"{PaymentJourney.definition.type_name} {journey._id} (ready)"
    assert lines("show", UUID(str(journey._id)).hex)[0].startswith(PaymentJourney.definition.type_name)


@pytest.mark.parametrize(
    "id", ["4711", "99999999999999999999999", "no-key-at-all", "", "½", "f7b9bd1e-0000-4000-8000-000000000000"]
)
def test_an_id_that_no_journey_has_is_refused(id):
    start(Drip)
    assert refusal("show", id) == f"there is no journey {id}"


def test_a_journey_of_an_unknown_type_can_be_looked_at(clock):
    journey = start(ThreeSteps)
    put_behind(journey, type="gone.Journey")

    told = lines("show", journey._id)

    assert told[0] == f"gone.Journey {journey._id} (ready)"
    assert "of the type 'gone.Journey', which this code does not know" in told[1]
