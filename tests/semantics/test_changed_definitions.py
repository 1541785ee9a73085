"""Journeys under way whose definition changed: steps inserted, moved, renamed, removed; types unknown. SEMANTICS 6."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stepper_motor import Completed, InvalidState, Paused, State, step
from tests.home import Customer, Journey, configured, forget, found, only, put, start, these
from tests.semantics.seen import entries_of, last_entry, recover, row_of, told

pytestmark = pytest.mark.database

GRACE = timedelta(minutes=10)


def drip(*names, **options):
    """The class as a deploy has it, with steps of these names; the one before is replaced."""
    body = {f"step_{n}": step(lambda self: None, name=name, **options.get(name, {})) for n, name in enumerate(names)}
    return type("Drip", (Journey,), {**body, "__module__": __name__, "__qualname__": "drip.<locals>.Drip"})


def at(name, customer, *names):
    """A journey that waits for this step of a class with those names."""
    journey = start(drip(*names), customer)
    for _ in range(names.index(name)):
        journey.perform_next_step()
    assert journey.next_step_name == name
    return journey


def test_a_step_inserted_later_is_met_by_journeys_before_it(customer):
    journey = at("welcome", customer, "welcome", "farewell")
    drip("welcome", "survey", "farewell")
    journey = found(journey)
    journey.perform_next_step()
    assert journey.next_step_name == "survey"


def test_one_inserted_behind_a_journey_is_not_met(customer):
    journey = at("farewell", customer, "welcome", "farewell")
    drip("welcome", "survey", "farewell")
    journey = found(journey)
    journey.perform_next_step()
    assert (journey.state, told(journey)) == (State.FINISHED, [("welcome", "completed"), ("farewell", "completed")])


def test_the_following_step_is_the_next_in_todays_order(customer):
    journey = at("b", customer, "a", "b", "c", "d")
    drip("d", "b", "a", "c")
    journey = found(journey)
    journey.perform_next_step()
    assert journey.next_step_name == "a"


def test_a_last_step_that_is_not_the_last_any_more(customer):
    journey = at("b", customer, "a", "b")
    drip("b", "a")
    journey = found(journey)
    journey.perform_next_step()
    assert (journey.state, journey.next_step_name) == (State.READY, "a")


def test_under_a_former_name_it_goes_on_under_the_new_one(customer):
    journey = at("remind", customer, "welcome", "remind", "farewell")
    drip("welcome", "nudge", "farewell", nudge={"formerly": ("remind",)})
    journey = found(journey)
    assert journey.perform_next_step() == Completed()
    row = row_of(journey)
    assert (row.previous_step_name, row.next_step_name) == ("nudge", "farewell")
    assert told(journey)[-1] == ("nudge", "completed")
    assert journey.has_completed("nudge")
    assert journey.has_completed("remind")


def test_a_pause_under_a_former_name_is_kept_under_the_new_one(customer):
    journey = at("remind", customer, "remind", "farewell")
    Drip = drip("nudge", nudge={"formerly": "remind", "skip_if": lambda self: self.pause()})
    journey = found(journey)
    assert type(journey) is Drip
    assert journey.perform_next_step() == Paused()
    assert journey.next_step_name == "nudge"


@pytest.mark.parametrize("state", ["ready", "paused"])
def test_a_removed_step_finishes_nothing(state, customer):
    journey = at("remind", customer, "welcome", "remind")
    if state == "paused":
        journey.pause()
    drip("welcome", "farewell")
    journey = found(journey)
    assert journey.perform_next_step() is None
    assert (journey.state, journey.next_step_name) == (state, "remind")


def test_within_the_grace_it_is_left_to_newer_processes(clock, customer):
    journey = at("remind", customer, "remind")
    drip("welcome")
    journey = found(journey)
    clock.move(GRACE - timedelta(seconds=1))
    assert journey.perform_next_step() is None
    assert (row_of(journey).state, told(journey)) == (State.READY, [])


def test_after_the_grace_it_is_paused_with_a_reason(clock, customer):
    journey = at("remind", customer, "remind")
    before = row_of(journey)
    drip("welcome")
    journey = found(journey)
    clock.move(GRACE)
    assert journey.perform_next_step().name == "paused"
    row = row_of(journey)
    assert (row.state, row.previous_step_name, row.next_step_name) == (State.PAUSED, None, "remind")
    assert (row.next_step_to_be_performed_at, row.attempts) == (before.next_step_to_be_performed_at, 0)
    assert (row.steps_entered, row.steps_completed, row.fence) == (0, 0, before.fence)
    assert row.reason.startswith("step 'remind' is not known to this code")
    assert (told(journey), last_entry(journey).reason) == ([("remind", "paused")], row.reason)


def test_it_is_no_hot_loop(clock, customer):
    journey = at("remind", customer, "remind")
    drip("welcome")
    journey = found(journey)
    clock.move(GRACE)
    journey.perform_next_step()
    assert [journey.perform_next_step() for _ in range(3)] == [None, None, None]
    assert len(told(journey)) == 1


def test_the_grace_is_a_setting(clock, customer):
    journey = at("remind", customer, "remind")
    drip("welcome")
    with configured(unknown_step_grace=0):
        assert found(journey).perform_next_step().name == "paused"


def test_a_journey_paused_so_jumps_on(clock, customer):
    journey = at("remind", customer, "remind")
    drip("welcome")
    journey = found(journey)
    clock.move(GRACE)
    journey.perform_next_step()
    for verb in (journey.skip, journey.reattempt, journey.reschedule, journey.jump_to):
        with pytest.raises(InvalidState, match="jump_to"):
            verb()
    journey.jump_to("welcome")
    assert journey.perform_next_step() == Completed()


def test_a_step_that_comes_back_is_performed_again(clock, customer):
    journey = at("remind", customer, "remind")
    drip("welcome")
    clock.move(GRACE)
    found(journey).perform_next_step()
    drip("remind")
    journey = found(journey)
    journey.resume()
    assert journey.perform_next_step() == Completed()


def test_a_ready_row_without_a_next_step_is_claimed_and_paused(clock, customer):
    journey = put(at("welcome", customer, "welcome"), next_step_name=None)
    assert journey.perform_next_step().name == "paused"
    assert (journey.state, journey.next_step_name) == (State.PAUSED, None)
    assert "no next step" in journey.reason
    assert told(journey) == [(None, "paused")]


def test_a_step_removed_while_it_ran_is_recovered_as_paused(clock, customer):
    journey = at("remind", customer, "welcome", "remind", "farewell")
    journey._store.claim(journey.id, None, "an old process")
    drip("welcome", "farewell")
    clock.move(timedelta(minutes=1) + GRACE)
    assert recover() == 1
    row = row_of(journey)
    assert (row.state, row.next_step_name, row.previous_step_name) == (State.PAUSED, "remind", "welcome")


# ------------------------------------------------------------------------------------------------------- unknown types


@pytest.fixture
def orphan(customer):
    return put(at("welcome", customer, "welcome"), type="shop.FromTheFuture")


def test_a_type_that_is_not_known_is_not_claimed(orphan, clock):
    clock.move(timedelta(days=365))
    assert found(orphan).perform_next_step() is None
    assert row_of(orphan).state == State.READY


def test_it_is_visible_everywhere(orphan):
    (journey,) = these(Journey)
    assert type(journey) is Journey
    assert (journey.type, journey.next_step_name, journey.hero.name) == ("shop.FromTheFuture", "welcome", "Ada")
    assert "welcome" in str(journey.explain())
    assert "shop.FromTheFuture" in str(journey)
    assert list(these(Journey).ready()) == [journey]
    assert list(entries_of(journey)) == []


def test_it_can_be_paused_resumed_and_canceled(orphan):
    journey = only(Journey)
    journey.pause("what is this?")
    journey.resume()
    journey.cancel("nobody knows")
    assert (row_of(journey).state, [outcome for _, outcome in told(journey)]) == (
        State.CANCELED, ["paused", "resumed", "canceled"],
    )  # fmt: skip


def test_a_renamed_class_keeps_its_rows_by_type_name(customer):
    journey = at("welcome", customer, "welcome")
    forget(type(journey))

    class Renamed(Journey[Customer]):
        type_name = journey.type

        @step
        def welcome(self): ...

    found_again = found(journey)
    assert type(found_again) is Renamed
    assert found_again.perform_next_step() == Completed()
