"""Journeys in the caller's transaction. SEMANTICS 10."""

import pytest

from stepper_motor import AlreadyOnJourney, InvalidState, State, StepperMotorError, step
from tests.home import (
    Customer,
    DatabaseError,
    Journey,
    count,
    create,
    delete,
    in_a_transaction,
    in_transaction,
    motor,
    only,
    reload,
    rolled_back,
    start,
    these,
)
from tests.semantics.seen import entries_of
from tests.semantics.side_by_side import side_by_side

pytestmark = pytest.mark.database(transaction=True)


class Order(Journey[Customer]):
    @step
    def pack(self): ...

    @step
    def send(self): ...


class Ended(Journey[Customer]):
    heard = []

    @step
    def go(self): ...

    def after_cancel(self):
        self.heard.append((self.id, in_a_transaction()))

    after_pause = after_finish = after_cancel


@pytest.fixture(autouse=True)
def nothing_heard():
    Ended.heard.clear()


@pytest.fixture
def woken():
    """How often a worker in this process would have been woken."""
    calls = []
    with motor().waking(lambda: calls.append(in_a_transaction())):
        yield calls


def test_a_start_that_is_rolled_back_leaves_neither_row_nor_ticket(customer, woken):
    with rolled_back():
        start(Order, customer)
    assert not count(Order)
    assert woken == []


def test_one_that_is_committed_is_found_and_told_of_after_the_commit(customer, woken):
    with in_transaction():
        journey = start(Order, customer)
        assert woken == []
    assert these(Order).due().get() == journey
    assert woken == [False]


def test_outside_of_a_transaction_it_is_committed_at_once(customer, woken):
    start(Order, customer)
    assert woken == [False]
    assert side_by_side(lambda: count(Order)) == [1]


def test_others_see_it_only_then(customer):
    with in_transaction():
        start(Order, customer)
        assert side_by_side(lambda: count(Order)) == [0]
    assert side_by_side(lambda: count(Order)) == [1]


def test_a_journey_starts_and_ends_with_the_apps_own_writes():
    with rolled_back():
        start(Order, create(Customer, name="Grace"))
    assert not count(Customer)


@pytest.mark.parametrize("verb", ["pause", "cancel", "skip", "reattempt", "reschedule", "jump_to", "finish"])
def test_a_verb_that_is_rolled_back_has_changed_nothing(customer, verb):
    journey = start(Order, customer)
    before = journey._row
    with rolled_back():
        getattr(journey, verb)()
        assert len(entries_of(journey)) == 1
    assert only(Order)._row == before
    assert not entries_of(journey)


def test_a_savepoint_takes_back_its_own_verbs_alone(customer, woken):
    journey = start(Order, customer)
    woken.clear()
    with in_transaction():
        journey.pause("first")
        with rolled_back():
            journey.cancel("second")
        reload(journey)
        assert (journey.state, journey.reason) == (State.PAUSED, "first")
    assert only(Order).state is State.PAUSED
    assert [entry.outcome for entry in entries_of(journey)] == ["paused"]


def test_so_does_one_around_a_start(customer, woken):
    with in_transaction():
        with rolled_back():
            start(Order, customer)
        start(Order, customer, key="again")
    assert only(Order).key == "again"
    assert woken == [False]


def test_what_is_refused_leaves_the_transaction_usable(customer):
    journey = start(Order, customer)
    with in_transaction():
        with pytest.raises(AlreadyOnJourney):
            start(Order, customer)
        with pytest.raises(InvalidState):
            journey.resume()
        with pytest.raises((DatabaseError, ValueError)):
            start(Order, customer, key="nan", data={"nan": float("nan")})
        with pytest.raises(ValueError, match="no step"):
            journey.jump_to("nowhere")
        assert start(Order, customer, on_conflict="existing") == journey
        replaced = start(Order, customer, on_conflict="replace")
        create(Customer, name="Grace")
    assert these(Order).ongoing().get() == replaced
    assert count(Customer) == 2


def test_replace_is_rolled_back_as_a_whole(customer):
    journey = start(Order, customer)
    with rolled_back():
        start(Order, customer, on_conflict="replace")
    assert only(Order) == journey
    assert only(Order).state is State.READY


@pytest.mark.parametrize("verb", ["cancel", "pause", "finish"])
def test_hooks_are_called_after_the_commit_and_never_after_a_rollback(customer, verb):
    journey = start(Ended, customer)
    with rolled_back():
        getattr(journey, verb)()
    assert Ended.heard == []
    reload(journey)
    with in_transaction():
        getattr(journey, verb)()
        assert Ended.heard == []
    assert Ended.heard == [(journey.id, False)]


def test_a_verb_holds_the_row_until_the_callers_commit(customer):
    """Another's verb waits for it, and then meets what it became."""
    journey, other = start(Order, customer), only(Order)
    results = []

    def slow():
        with in_transaction():
            journey.cancel()
            results.append("canceled")

    results += side_by_side(slow, lambda: other.skip())
    assert only(Order).state is State.CANCELED
    assert sum(isinstance(result, InvalidState) for result in results) + len(entries_of(journey)) == 2


def test_a_step_is_not_performed_inside_the_callers_transaction(customer):
    journey = start(Order, customer)
    with in_transaction(), pytest.raises(StepperMotorError, match="outside of a transaction"):
        journey.perform_next_step()
    assert only(Order)._row == journey._row
    journey.perform_next_step()
    assert journey.next_step_name == "send"


def test_a_deleted_journey_comes_back_with_a_rollback(customer):
    journey = start(Order, customer)
    journey.pause()
    with rolled_back():
        delete(journey)
    assert len(entries_of(only(Order))) == 1
