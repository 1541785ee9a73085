"""A Django project and a SQLAlchemy service on one database: each starts, performs, steers and reads the other's
journeys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from stepper_motor import AlreadyOnJourney, State
from stepper_motor.journeys.errors import InvalidState

HEROES = {
    "a number": ("Customer", {"name": "Ada"}),
    "a UUID": ("Account", {"name": "Ada"}),
    "a composite key": ("OrderLine", {"order_number": 7, "line": "a 'b' \"c\""}),
}


@pytest.fixture
def customer(one):
    return "Customer", one.create("Customer", name="Ada")


def test_a_journey_that_one_has_started_is_read_by_the_other_to_the_letter(one, other, customer):
    at = datetime(2031, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)
    data = {"text": "ünï 🚂", "nested": [1, {"a": None}], "number": 1.5}
    id = one.start("Parcel", customer, data=data, key="Spring", at=at, allow_multiple=True)

    seen = other.look(id)
    assert seen == one.look(id)
    assert (seen.class_name, seen.type, seen.key, seen.allow_multiple) == ("Parcel", "Parcel", "Spring", True)
    assert (seen.data, seen.row.next_step_to_be_performed_at) == (data, at)
    assert seen.hero_type == "shop_customer"


def test_the_other_performs_its_step_with_the_same_hero(one, other, customer):
    id = one.start("Parcel", customer)

    assert other.tell(id, "perform_next_step").name == "completed"

    seen = one.look(id)
    assert seen == other.look(id)
    assert seen.data == {"packed": [other.name, "Ada"]}
    assert (seen.row.state, seen.row.next_step_name, seen.row.steps_completed) == (State.READY, "send", 1)
    assert seen.outcomes == [("pack", "completed")]


@pytest.mark.parametrize(("model", "fields"), HEROES.values(), ids=HEROES.keys())
def test_each_finds_the_heroes_of_the_other(one, other, model, fields):
    hero = model, one.create(model, **fields)
    id = one.start("Parcel", hero)

    assert other.hero_of(id) == hero[1]
    assert other.of_hero(hero) == one.of_hero(hero) == [id]


def test_keys_for_others_are_the_same_wherever_a_step_is_performed(one, other, customer):
    keys = []
    id = one.start("Parcel", customer)
    one.tell(id, "perform_next_step")
    for side in (one, other):
        side.tell(id, "jump_to", "send")
        side.tell(id, "perform_next_step")
        keys.append(one.look(id).data["sent"])

    (first, key, _), (second, same_key, _) = keys
    assert (first, second) == (one.name, other.name)
    assert key == same_key


def test_what_a_step_raised_in_the_one_is_told_by_the_other(one, other, customer):
    id = one.start("Parcel", customer)
    one.tell(id, "jump_to", "deliver")
    with pytest.raises(RuntimeError, match="nobody was at home"):
        one.tell(id, "perform_next_step")

    seen = other.look(id)
    assert seen == one.look(id)
    assert seen.row.state == State.PAUSED
    assert seen.outcomes[-1] == ("deliver", "failed")
    assert "nobody was at home: 'ünzustellbar'" in seen.history[-1][-4]


def test_one_pauses_and_the_other_resumes(one, other, customer):
    id = one.start("Parcel", customer)
    one.tell(id, "pause", "the bridge is out", by="Ada")
    assert other.look(id).row.state == State.PAUSED
    assert other.look(id).row.reason == "the bridge is out"

    other.tell(id, "resume", by="Bob")
    assert one.look(id).row.state == State.READY
    one.tell(id, "skip")
    other.tell(id, "cancel", "lost", by="Bob")

    seen = one.look(id)
    assert seen == other.look(id)
    assert [outcome for _, outcome in seen.outcomes] == ["paused", "resumed", "skipped", "canceled"]
    assert [entry[-3] for entry in seen.history][:2] == ["Ada", "Bob"]
    with pytest.raises(InvalidState, match="canceled"):
        one.tell(id, "resume")


def test_an_object_that_one_has_loaded_does_not_undo_what_the_other_did_since(one, other, customer):
    id = one.start("Parcel", customer)
    loaded = one.loaded(id)
    other.tell(id, "skip")

    with pytest.raises(InvalidState, match="has moved on"):
        one.tell_loaded(loaded, "skip")
    assert other.look(id).row.next_step_name == "send"


def test_a_hero_is_on_one_such_journey_wherever_it_was_started(one, other, customer):
    id = one.start("Parcel", customer)

    with pytest.raises(AlreadyOnJourney):
        other.start("Parcel", customer)
    assert other.start("Parcel", customer, on_conflict="ignore") is None
    assert other.start("Parcel", customer, on_conflict="existing") == id
    replacing = other.start("Parcel", customer, on_conflict="replace")
    assert one.look(id).row.state == State.CANCELED
    beside = one.start("Parcel", customer, key="another"), other.start("Parcel", customer, allow_multiple=True)
    assert len({id, replacing, *beside}) == 4

    one.tell(replacing, "finish")
    other.tell(id, "jump_to", "send")
    with pytest.raises(AlreadyOnJourney):
        one.tell(replacing, "jump_to", "send")


def test_many_at_once_are_started_for_those_who_have_none(one, other, customer):
    on_it = one.start("Parcel", customer)
    others = [other.create("Customer", name=name) for name in ("Bob", "Eve")]

    assert other.present("Parcel") == one.present("Parcel") == [customer[1]]
    assert other.start_for_all("Parcel") == 2
    assert one.start_for_all("Parcel") == 0
    assert sorted(one.present("Parcel")) == sorted(other.present("Parcel")) == sorted([customer[1], *others])
    one.tell(on_it, "cancel")
    assert other.start_for_all("Parcel", unless="ever") == 0
    assert other.start_for_all("Parcel") == 1


def test_each_lists_and_steers_many_of_the_other(one, other):
    parcels = [one.start("Parcel") for _ in range(3)]
    relay = one.start("Relay")

    assert other.ids("Parcel", "ready") == parcels
    assert other.ids("Journey", "ready") == [*parcels, relay]
    result = other.cancel_all("Parcel")
    assert (result.changed, result.passed_over, result.failed) == (3, 0, 0)
    assert one.ids("Parcel", "canceled") == parcels
    assert one.ids("Journey", "ready") == [relay]


def test_a_type_that_only_one_knows_is_seen_by_the_other_and_left_alone(one, other):
    id = one.start(one.own)

    seen = other.look(id)
    assert (seen.class_name, seen.type) == ("Journey", one.look(id).type)
    assert other.ids("Journey", "ready") == [id]
    assert other.tell(id, "perform_next_step") is None
    other.tell(id, "pause")
    assert one.look(id).row.state == State.PAUSED


def test_what_one_rolls_back_the_other_never_sees(one, other):
    one.roll_back_a_start("Parcel")

    assert other.ids("Journey", "ready") == []


def test_times_are_the_same_to_the_microsecond(one, other):
    ids = [one.start("Relay"), other.start("Relay")]

    for id in ids:
        mine, theirs = one.look(id), other.look(id)
        assert mine.created_at == theirs.created_at
        assert mine.created_at.utcoffset() == theirs.created_at.utcoffset() == timedelta()
        assert mine.row == theirs.row
