"""A performance that waited for a thread looks again before it begins. SEMANTICS 4."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stepper_motor import Completed, State, step
from stepper_motor.motor import by_hand
from stepper_motor.motor.attempt import drive
from stepper_motor.motor.settling import settle
from tests.home import Customer, Journey, delete, found, motor, put, start
from tests.semantics.seen import claimed_by, entries_of, recover, row_of, told

pytestmark = pytest.mark.database


class Waiting(Journey[Customer]):
    performed = []

    @step
    def work(self):
        self.performed.append(self.id)
        self.data["done"] = True

    @step
    def more(self): ...


@pytest.fixture
def journey(customer):
    Waiting.performed.clear()
    return start(Waiting, customer)


def claimed(journey, *, waited):
    """A claimed performance that got no thread for so many seconds."""
    performance = by_hand.claimed(motor(), journey._store.performing(), journey.id, None)
    assert performance is not None
    performance.loaded_at -= waited
    return performance


def perform(performance):
    return motor().perform(performance)


@pytest.mark.parametrize("waited", [0, 1.5])
def test_nothing_happened_meanwhile(waited, journey):
    assert perform(claimed(journey, waited=waited)) == Completed()


@pytest.mark.parametrize(("verb", "state"), [("pause", State.PAUSED), ("cancel", State.CANCELED)])
def test_paused_or_canceled_meanwhile_it_gives_the_row_back(verb, state, journey):
    performance = claimed(journey, waited=1.5)
    getattr(found(journey), verb)("meanwhile")
    before = row_of(journey)
    assert perform(performance) is None
    row = row_of(journey)
    assert (row.state, row.reason, row.performed_by, row.lease_expires_at) == (state, "meanwhile", None, None)
    assert row.fence != before.fence
    assert (row.attempts, row.steps_entered) == (0, 0)
    assert row.next_step_to_be_performed_at == before.next_step_to_be_performed_at
    assert told(journey) == [("work", state)]
    assert Waiting.performed == []


def test_within_a_second_that_is_while_a_step_runs(journey):
    performance = claimed(journey, waited=0.5)
    found(journey).pause()
    assert perform(performance) == Completed()
    assert (row_of(journey).state, row_of(journey).next_step_name) == (State.PAUSED, "more")


def test_recovered_meanwhile_it_lets_go(clock, journey):
    performance = claimed(journey, waited=1.5)
    clock.move(timedelta(seconds=60))
    recover()
    before = row_of(journey)
    assert perform(performance) is None
    assert (row_of(journey), Waiting.performed) == (before, [])


def test_held_by_another_meanwhile_it_lets_go(clock, journey):
    performance = claimed(journey, waited=1.5)
    clock.move(timedelta(seconds=60))
    recover()
    claimed_by(journey, "my successor")
    assert perform(performance) is None
    assert row_of(journey).performed_by == "my successor"


def test_deleted_meanwhile_it_lets_go(journey):
    performance = claimed(journey, waited=1.5)
    delete(found(journey))
    assert perform(performance) is None
    assert Waiting.performed == []


def test_what_was_saved_meanwhile_is_seen(journey):
    performance = claimed(journey, waited=1.5)
    put(journey, data={"saved": "meanwhile"})
    perform(performance)
    assert found(journey).data == {"saved": "meanwhile", "done": True}


def test_it_never_begins_with_less_than_a_third_of_its_lease(journey):
    performance = claimed(journey, waited=0)
    performance.lease_ends_at -= 41
    before = row_of(journey)
    assert perform(performance) is None
    row = row_of(journey)
    assert (row.state, row.next_step_to_be_performed_at) == (State.READY, before.next_step_to_be_performed_at)
    assert (row.performed_by, row.attempts) == (None, 0)
    assert row.fence != before.fence
    assert (entries_of(journey), Waiting.performed) == ([], [])


@pytest.mark.parametrize("last", [False, True])
def test_a_commit_whose_answer_was_lost_is_looked_up_and_not_settled_again(last, journey):
    if last:
        journey.jump_to("more")
    store = journey._store.performing()
    settlement = drive(claimed(journey, waited=0).conduct(), store.wait_here)
    first = settle(store, [settlement], motor().events, patient=True).done[journey.id]
    after, history = row_of(journey), told(journey)
    again = settle(store, [settlement], motor().events, patient=True).done[journey.id]
    assert again.row.fence == first.row.fence
    assert (row_of(journey), told(journey)) == (after, history)
