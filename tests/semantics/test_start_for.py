"""One journey for each of many heroes. SEMANTICS 1: bulk start."""

import uuid
from datetime import datetime, timedelta

import pytest

from stepper_motor import State, step
from tests.home import (
    Account,
    Country,
    Customer,
    DatabaseError,
    Drip,
    Journey,
    NotJson,
    OrderLine,
    Payment,
    PaymentJourney,
    Profile,
    ThreeSteps,
    count,
    create,
    create_many,
    in_transaction,
    joined,
    none_of,
    only,
    start,
    start_for,
    these,
)

pytestmark = pytest.mark.database


class Newsletter(Journey[Customer]):
    @step(wait=timedelta(hours=1))
    def write(self): ...


class Empty(Journey[Customer]): ...


def customers(count):
    return create_many(Customer, [{"name": str(n)} for n in range(count)])


def test_each_hero_is_started_on_a_journey(clock):
    customers(5)
    assert start_for(Newsletter, these(Customer)) == 5
    journeys = these(Newsletter)
    assert {journey.hero.name for journey in journeys} == {"0", "1", "2", "3", "4"}
    assert {(journey.state, journey.next_step_name) for journey in journeys} == {("ready", "write")}
    assert {journey.next_step_to_be_performed_at for journey in journeys} == {clock.now() + timedelta(hours=1)}
    assert len({journey.fence for journey in journeys}) == 5


def test_such_a_journey_is_performed_like_any_other(clock, customer):
    start_for(Newsletter, these(Customer))
    clock.move(timedelta(hours=1))
    journey = only(Newsletter)
    journey.perform_next_step()
    assert journey.state is State.FINISHED


def test_heroes_that_are_on_such_a_journey_are_passed_over():
    on_it, was_on_it, never = customers(3)
    start(Newsletter, on_it)
    start(Newsletter, was_on_it).cancel()
    start(Drip, never)
    assert start_for(Newsletter, these(Customer)) == 2
    assert start_for(Newsletter, these(Customer)) == 0
    assert these(Newsletter).for_hero(was_on_it).count() == 2


def test_unless_ever_passes_over_those_that_ever_were():
    on_it, was_on_it, _ = customers(3)
    start(Newsletter, on_it)
    start(Newsletter, was_on_it).finish()
    assert start_for(Newsletter, these(Customer), unless="ever") == 1
    assert count(Newsletter) == 3


def test_the_key_tells_campaigns_apart():
    customers(2)
    start_for(Newsletter, these(Customer), key="spring")
    assert start_for(Newsletter, these(Customer), key="summer", unless="ever") == 2
    assert start_for(Newsletter, these(Customer), key="spring", unless="ever") == 0


def test_data_and_the_first_due_time_can_be_given(clock):
    customers(2)
    tomorrow = clock.now() + timedelta(days=1)
    start_for(Newsletter, these(Customer), data={"issue": 7}, at=tomorrow)
    given = [(journey.data, journey.next_step_to_be_performed_at) for journey in these(Newsletter)]
    assert given == [({"issue": 7}, tomorrow)] * 2


def test_spread_lays_the_first_due_times_evenly_apart(clock):
    customers(10)
    start_for(Newsletter, these(Customer), spread=timedelta(minutes=10), batch=3)
    first = clock.now() + timedelta(hours=1)
    due = [journey.next_step_to_be_performed_at for journey in these(Newsletter).order_by("id")]
    assert due == [first + timedelta(minutes=n) for n in range(10)]


def test_spread_counts_those_that_are_started_alone(clock):
    for hero in customers(10)[:8]:
        start(Newsletter, hero, key="")
    start_for(Newsletter, these(Customer), spread=timedelta(minutes=10))
    due = sorted(journey.next_step_to_be_performed_at for journey in these(Newsletter))
    first = clock.now() + timedelta(hours=1)
    assert due == [first] * 9 + [first + timedelta(minutes=5)]


def test_progress_is_told_after_each_batch():
    told = []
    customers(7)
    start_for(Newsletter, these(Customer), batch=3, progress=told.append)
    assert told == [3, 6, 7]


def test_a_slice_starts_no_more_than_it_has():
    customers(9)
    assert start_for(Newsletter, these(Customer).order_by("-id")[2:5], batch=2) == 3
    assert {journey.hero.name for journey in these(Newsletter)} == {"4", "5", "6"}


def test_a_hero_that_a_join_gives_twice_is_started_once():
    payment = create(Payment)
    start(PaymentJourney, payment, allow_multiple=True)
    start(PaymentJourney, payment, allow_multiple=True)
    assert start_for(ThreeSteps, joined(Payment), allow_multiple=True) == 1
    assert start_for(ThreeSteps, joined(Payment)[:5], allow_multiple=True, key="b") == 1


@pytest.mark.parametrize(
    ("model", "made"),
    [
        (Account, lambda n: create(Account, id=uuid.UUID(int=n))),
        (Country, lambda n: create(Country, code=f"x{n}")),
        (Profile, lambda n: create(Profile, customer=create(Customer, name=str(n)))),
        (OrderLine, lambda n: create(OrderLine, order_number=n // 3, line=f"{n}")),
        (Payment, lambda n: create(Payment, amount=n)),
    ],
)
def test_whatever_key_the_heroes_have(model, made):
    saved = [made(n) for n in range(7)]
    assert start_for(ThreeSteps, these(model), batch=3) == 7
    assert start_for(ThreeSteps, these(model), batch=3, unless="ever") == 0
    assert {journey.hero for journey in these(ThreeSteps)} == set(saved)


def test_a_class_with_a_table_of_its_own():
    create_many(Payment, [{"amount": n} for n in range(5)])
    assert start_for(PaymentJourney, these(Payment), batch=2, amount=3, spread=60) == 5
    assert start_for(PaymentJourney, these(Payment), batch=2) == 0
    assert {journey.amount for journey in these(PaymentJourney)} == {3}


def test_a_class_without_steps_is_finished_at_once():
    customers(2)
    assert start_for(Empty, these(Customer)) == 2
    assert these(Empty).finished().count() == 2


@pytest.mark.parametrize("wrong", [{"data": {"ratio": float("nan")}}, {"amount": None}, {"notes": None}])
def test_what_the_database_refuses_is_an_error_on_every_database(wrong):
    create(Payment)
    with pytest.raises((DatabaseError, NotJson)), in_transaction():
        start_for(PaymentJourney, these(Payment), **wrong)
    assert not count(PaymentJourney)


def test_no_heroes_no_journeys():
    assert start_for(Newsletter, none_of(Customer)) == 0
    assert start_for(Newsletter, none_of(Customer), spread=60) == 0


@pytest.mark.parametrize(
    ("heroes", "given", "said"),
    [
        (lambda: these(Customer), {"unless": "never"}, "unless must be one of ongoing, ever, got 'never'"),
        (lambda: these(Customer), {"batch": 0}, "batch must be at least 1, got 0"),
        (lambda: these(Customer), {"spread": -1}, "negative"),
        (lambda: these(Customer), {"at": datetime(2030, 1, 1)}, "aware"),  # noqa: DTZ001
        (lambda: these(Customer), {"key": "k" * 101}, "100 characters"),
        (lambda: [], {}, "takes a"),
    ],
)
def test_a_wrong_argument_is_a_value_error_and_starts_nothing(customer, heroes, given, said):
    with pytest.raises(ValueError, match=said):
        start_for(Newsletter, heroes(), **given)
    assert not count(Newsletter)
