"""One journey for each of many heroes. SEMANTICS 1: bulk start."""

import uuid
from datetime import datetime, timedelta

import pytest
from django.db import DatabaseError, transaction

from stepper_motor import State, step
from stepper_motor.django import Journey
from tests.shop.journeys import Drip, ThreeSteps
from tests.shop.models import Account, Country, Customer, OrderLine, Payment, PaymentJourney, Profile, VipCustomer

pytestmark = pytest.mark.django_db


class Newsletter(Journey[Customer]):
    @step(wait=timedelta(hours=1))
    def write(self): ...


class Empty(Journey[Customer]): ...


def customers(count):
    return Customer.objects.bulk_create([Customer(name=str(n)) for n in range(count)])


def test_each_hero_is_started_on_a_journey(clock):
    customers(5)
    assert Newsletter.start_for(Customer.objects.all()) == 5
    journeys = Newsletter.objects.all()
    assert {journey.hero.name for journey in journeys} == {"0", "1", "2", "3", "4"}
    assert {(journey.state, journey.next_step_name) for journey in journeys} == {("ready", "write")}
    assert {journey.next_step_to_be_performed_at for journey in journeys} == {clock.now() + timedelta(hours=1)}
    assert len({journey.fence for journey in journeys}) == 5


def test_such_a_journey_is_performed_like_any_other(clock, customer):
    Newsletter.start_for(Customer.objects.all())
    clock.move(timedelta(hours=1))
    journey = Newsletter.objects.get()
    journey.perform_next_step()
    assert journey.state is State.FINISHED


def test_heroes_that_are_on_such_a_journey_are_passed_over():
    on_it, was_on_it, never = customers(3)
    Newsletter.start(on_it)
    Newsletter.start(was_on_it).cancel()
    Drip.start(never)
    assert Newsletter.start_for(Customer.objects.all()) == 2
    assert Newsletter.start_for(Customer.objects.all()) == 0
    assert Newsletter.objects.for_hero(was_on_it).count() == 2


def test_unless_ever_passes_over_those_that_ever_were():
    on_it, was_on_it, _ = customers(3)
    Newsletter.start(on_it)
    Newsletter.start(was_on_it).finish()
    assert Newsletter.start_for(Customer.objects.all(), unless="ever") == 1
    assert Newsletter.objects.count() == 3


def test_the_key_tells_campaigns_apart():
    customers(2)
    Newsletter.start_for(Customer.objects.all(), key="spring")
    assert Newsletter.start_for(Customer.objects.all(), key="summer", unless="ever") == 2
    assert Newsletter.start_for(Customer.objects.all(), key="spring", unless="ever") == 0


def test_data_and_the_first_due_time_can_be_given(clock):
    customers(2)
    tomorrow = clock.now() + timedelta(days=1)
    Newsletter.start_for(Customer.objects.all(), data={"issue": 7}, at=tomorrow)
    given = Newsletter.objects.values_list("data", "next_step_to_be_performed_at")
    assert list(given) == [({"issue": 7}, tomorrow)] * 2


def test_spread_lays_the_first_due_times_evenly_apart(clock):
    customers(10)
    Newsletter.start_for(Customer.objects.all(), spread=timedelta(minutes=10), batch=3)
    first = clock.now() + timedelta(hours=1)
    due = Newsletter.objects.order_by("pk").values_list("next_step_to_be_performed_at", flat=True)
    assert list(due) == [first + timedelta(minutes=n) for n in range(10)]


def test_spread_counts_those_that_are_started_alone(clock):
    for hero in customers(10)[:8]:
        Newsletter.start(hero, key="")
    Newsletter.start_for(Customer.objects.all(), spread=timedelta(minutes=10))
    late = Newsletter.objects.filter(next_step_to_be_performed_at__gt=clock.now() + timedelta(hours=1)).get()
    assert late.next_step_to_be_performed_at == clock.now() + timedelta(hours=1, minutes=5)


def test_progress_is_told_after_each_batch():
    told = []
    customers(7)
    Newsletter.start_for(Customer.objects.all(), batch=3, progress=told.append)
    assert told == [3, 6, 7]


@pytest.mark.parametrize(
    "chosen",
    [
        lambda all: all.order_by("-name"),
        lambda all: all.order_by("name").reverse(),
        lambda all: all.reverse(),
        lambda all: all.order_by("-pk")[:9],
        lambda all: all.filter(profile__isnull=True).distinct(),
        lambda all: all.filter(pk__in=all.values("pk")),
        lambda all: all.filter(name="x") | all.exclude(name="x"),
        lambda all: all.filter(name="1").union(all.exclude(name="1")),
        lambda all: all.only("name").defer("email"),
        lambda all: Customer.objects,
    ],
)
def test_however_the_heroes_are_chosen(chosen):
    customers(9)
    assert Newsletter.start_for(chosen(Customer.objects.all()), batch=2) == 9


def test_a_slice_starts_no_more_than_it_has():
    customers(9)
    assert Newsletter.start_for(Customer.objects.order_by("-pk")[2:5], batch=2) == 3
    assert {journey.hero.name for journey in Newsletter.objects.all()} == {"4", "5", "6"}


@pytest.mark.only_on("postgresql")
def test_distinct_on_a_field():
    customers(3) + customers(3)
    assert Newsletter.start_for(Customer.objects.order_by("name").distinct("name"), batch=2) == 3


def test_a_hero_that_a_join_gives_twice_is_started_once():
    payment = Payment.objects.create()
    PaymentJourney.start(payment, allow_multiple=True)
    PaymentJourney.start(payment, allow_multiple=True)
    assert ThreeSteps.start_for(Payment.objects.filter(journeys__state="ready"), allow_multiple=True) == 1
    assert ThreeSteps.start_for(Payment.objects.filter(journeys__state="ready")[:5], allow_multiple=True, key="b") == 1


@pytest.mark.parametrize(
    ("model", "made"),
    [
        (Account, lambda n: Account(pk=uuid.UUID(int=n))),
        (Country, lambda n: Country(code=f"x{n}")),
        (Profile, lambda n: Profile(customer=Customer.objects.create())),
        (OrderLine, lambda n: OrderLine(order_number=n // 3, line=f"{n}")),
        (VipCustomer, lambda n: VipCustomer(name=f"{n}")),
        (Payment, lambda n: Payment(amount=n)),
    ],
)
def test_whatever_key_the_heroes_have(model, made):
    saved = [made(n) for n in range(7)]
    for hero in saved:
        hero.save()
    assert ThreeSteps.start_for(model.objects.all(), batch=3) == 7
    assert ThreeSteps.start_for(model.objects.all(), batch=3, unless="ever") == 0
    assert {journey.hero for journey in ThreeSteps.objects.all()} == set(saved)


def test_a_class_with_a_table_of_its_own():
    Payment.objects.bulk_create([Payment(amount=n) for n in range(5)])
    assert PaymentJourney.start_for(Payment.objects.all(), batch=2, amount=3, spread=60) == 5
    assert PaymentJourney.start_for(Payment.objects.all(), batch=2) == 0
    assert {journey.amount for journey in PaymentJourney.objects.all()} == {3}


def test_a_class_without_steps_is_finished_at_once():
    customers(2)
    assert Empty.start_for(Customer.objects.all()) == 2
    assert Empty.objects.finished().count() == 2


@pytest.mark.parametrize("wrong", [{"data": {"ratio": float("nan")}}, {"amount": None}, {"notes": None}])
def test_what_the_database_refuses_is_an_error_on_every_database(wrong):
    Payment.objects.create()
    with pytest.raises(DatabaseError), transaction.atomic():
        PaymentJourney.start_for(Payment.objects.all(), **wrong)
    assert not PaymentJourney.objects.exists()


def test_no_heroes_no_journeys():
    assert Newsletter.start_for(Customer.objects.none()) == 0
    assert Newsletter.start_for(Customer.objects.none(), spread=60) == 0


@pytest.mark.parametrize(
    ("heroes", "given", "said"),
    [
        (Customer.objects, {"unless": "never"}, "unless must be one of ongoing, ever, got 'never'"),
        (Customer.objects, {"batch": 0}, "batch must be at least 1, got 0"),
        (Customer.objects, {"spread": -1}, "negative"),
        (Customer.objects, {"at": datetime(2030, 1, 1)}, "aware"),  # noqa: DTZ001
        (Customer.objects, {"key": "k" * 101}, "100 characters"),
        (Customer.objects.values("pk"), {}, "takes a queryset of heroes"),
        ([], {}, "takes a queryset of heroes"),
    ],
)
def test_a_wrong_argument_is_a_value_error_and_starts_nothing(customer, heroes, given, said):
    with pytest.raises(ValueError, match=said):
        Newsletter.start_for(heroes, **given)
    assert not Newsletter.objects.exists()
