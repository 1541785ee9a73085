"""Journeys in the caller's transaction. SEMANTICS 10."""

from contextlib import contextmanager

import pytest
from django.db import DatabaseError, connection, transaction

from stepper_motor import AlreadyOnJourney, InvalidState, State, StepperMotorError, step
from stepper_motor.django import Journey, motor
from tests.django.side_by_side import side_by_side
from tests.shop.models import Customer

pytestmark = pytest.mark.django_db(transaction=True)


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
        self.heard.append((self.pk, connection.in_atomic_block))

    after_pause = after_finish = after_cancel


@pytest.fixture(autouse=True)
def nothing_heard():
    Ended.heard.clear()


@pytest.fixture
def woken():
    """How often a worker in this process would have been woken."""
    calls = []
    with motor().waking(lambda: calls.append(connection.in_atomic_block)):
        yield calls


@contextmanager
def rolled_back():
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def test_a_start_that_is_rolled_back_leaves_neither_row_nor_ticket(customer, woken):
    with rolled_back():
        Order.start(customer)
    assert not Order.objects.exists()
    assert woken == []


def test_one_that_is_committed_is_found_and_told_of_after_the_commit(customer, woken):
    with transaction.atomic():
        journey = Order.start(customer)
        assert woken == []
    assert Order.objects.due().get() == journey
    assert woken == [False]


def test_outside_of_a_transaction_it_is_committed_at_once(customer, woken):
    Order.start(customer)
    assert woken == [False]
    assert side_by_side(lambda: Order.objects.count()) == [1]


def test_others_see_it_only_then(customer):
    with transaction.atomic():
        Order.start(customer)
        assert side_by_side(lambda: Order.objects.count()) == [0]
    assert side_by_side(lambda: Order.objects.count()) == [1]


def test_a_journey_starts_and_ends_with_the_apps_own_writes():
    with rolled_back():
        Order.start(Customer.objects.create(name="Grace"))
    assert not Customer.objects.exists()


@pytest.mark.parametrize("verb", ["pause", "cancel", "skip", "reattempt", "reschedule", "jump_to", "finish"])
def test_a_verb_that_is_rolled_back_has_changed_nothing(customer, verb):
    journey = Order.start(customer)
    before = journey._row
    with rolled_back():
        getattr(journey, verb)()
        assert journey.history.count() == 1
    assert Order.objects.get()._row == before
    assert not journey.history.exists()


def test_a_savepoint_takes_back_its_own_verbs_alone(customer, woken):
    journey = Order.start(customer)
    woken.clear()
    with transaction.atomic():
        journey.pause("first")
        with rolled_back():
            journey.cancel("second")
        journey.refresh_from_db()
        assert (journey.state, journey.reason) == (State.PAUSED, "first")
    assert Order.objects.get().state is State.PAUSED
    assert [entry.outcome for entry in journey.history.all()] == ["paused"]


def test_so_does_one_around_a_start(customer, woken):
    with transaction.atomic():
        with rolled_back():
            Order.start(customer)
        Order.start(customer, key="again")
    assert Order.objects.get().key == "again"
    assert woken == [False]


def test_what_is_refused_leaves_the_transaction_usable(customer):
    journey = Order.start(customer)
    with transaction.atomic():
        with pytest.raises(AlreadyOnJourney):
            Order.start(customer)
        with pytest.raises(InvalidState):
            journey.resume()
        with pytest.raises((DatabaseError, ValueError)):
            Order.start(customer, key="nan", data={"nan": float("nan")})
        with pytest.raises(ValueError, match="no step"):
            journey.jump_to("nowhere")
        assert Order.start(customer, on_conflict="existing") == journey
        replaced = Order.start(customer, on_conflict="replace")
        Customer.objects.create(name="Grace")
    assert Order.objects.ongoing().get() == replaced
    assert Customer.objects.count() == 2


def test_replace_is_rolled_back_as_a_whole(customer):
    journey = Order.start(customer)
    with rolled_back():
        Order.start(customer, on_conflict="replace")
    assert Order.objects.get() == journey
    assert Order.objects.get().state is State.READY


@pytest.mark.parametrize("verb", ["cancel", "pause", "finish"])
def test_hooks_are_called_after_the_commit_and_never_after_a_rollback(customer, verb):
    journey = Ended.start(customer)
    with rolled_back():
        getattr(journey, verb)()
    assert Ended.heard == []
    journey.refresh_from_db()
    with transaction.atomic():
        getattr(journey, verb)()
        assert Ended.heard == []
    assert Ended.heard == [(journey.pk, False)]


def test_a_verb_holds_the_row_until_the_callers_commit(customer):
    """Another's verb waits for it, and then meets what it became."""
    journey, other = Order.start(customer), Order.objects.get()
    results = []

    def slow():
        with transaction.atomic():
            journey.cancel()
            results.append("canceled")

    results += side_by_side(slow, lambda: other.skip())
    assert Order.objects.get().state is State.CANCELED
    assert sum(isinstance(result, InvalidState) for result in results) + journey.history.count() == 2


def test_a_step_is_not_performed_inside_the_callers_transaction(customer):
    journey = Order.start(customer)
    with transaction.atomic(), pytest.raises(StepperMotorError, match="call it outside of a transaction"):
        journey.perform_next_step()
    assert Order.objects.get()._row == journey._row
    journey.perform_next_step()
    assert journey.next_step_name == "send"


def test_a_deleted_journey_comes_back_with_a_rollback(customer):
    journey = Order.start(customer)
    journey.pause()
    with rolled_back():
        Order.objects.all().delete()
    assert Order.objects.get().history.count() == 1
