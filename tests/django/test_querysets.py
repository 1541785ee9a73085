"""Bulk verbs and bulk starts with every form of queryset that Django has. SEMANTICS 1: bulk, bulk start, queries."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import Count

from stepper_motor import State, StepperMotorError, step
from stepper_motor.django import Journey
from tests.django.conftest import NOON
from tests.semantics.holding import hold
from tests.shop.models import Customer

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


class Newsletter(Journey[Customer]):
    @step(wait=timedelta(hours=1))
    def write(self): ...


class Letters(Journey[Customer]):
    @step
    def first(self): ...

    @step(wait=2 * HOUR)
    def second(self): ...


@pytest.fixture
def letters(clock):
    return [Letters.start(Customer.objects.create(name=str(n))) for n in range(5)]


def customers(count):
    return Customer.objects.bulk_create([Customer(name=str(n)) for n in range(count)])


def states():
    return list(Letters.objects.order_by("pk").values_list("state", flat=True))


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


@pytest.mark.only_on("postgresql")
def test_distinct_on_a_field():
    customers(3) + customers(3)
    assert Newsletter.start_for(Customer.objects.order_by("name").distinct("name"), batch=2) == 3


@pytest.mark.parametrize("heroes", [Customer.objects.values("pk"), []])
def test_what_is_no_queryset_of_heroes_is_a_value_error_and_starts_nothing(customer, heroes):
    with pytest.raises(ValueError, match="takes a queryset of heroes"):
        Newsletter.start_for(heroes)
    assert not Newsletter.objects.exists()


@pytest.mark.parametrize(
    ("chosen", "count"),
    [
        (lambda all: all.order_by("-pk"), 5),
        (lambda all: all.reverse(), 5),
        (lambda all: all.order_by("-pk")[1:3], 2),
        (lambda all: all.ready()[:4], 4),
        (lambda all: all.distinct(), 5),
        (lambda all: all.filter(state="ready").union(all.filter(state="paused")), 5),
        (lambda all: all.only("state"), 5),
        (lambda all: Journey.objects.all(), 5),
        (lambda all: all.none(), 0),
    ],
)
def test_however_they_are_chosen(letters, chosen, count):
    assert chosen(Letters.objects.all()).pause() == (count, 0, 0)
    assert Letters.objects.paused().count() == count


def test_a_journey_that_a_join_gives_twice_is_changed_once(letters):
    for _ in range(2):
        letters[0].reattempt()
    found = Letters.objects.filter(history__outcome="reattempted")
    assert found.count() == 2
    assert found.cancel() == (1, 0, 0)


def test_the_engines_columns_can_not_be_updated(letters):
    with pytest.raises(StepperMotorError, match="state: the engine's columns can't be updated; use the bulk verbs"):
        Letters.objects.update(state="canceled")
    letters[0].state = State.CANCELED
    with pytest.raises(StepperMotorError, match="bulk verbs"), transaction.atomic():
        Letters.objects.bulk_update(letters, ["state"])
    assert Letters.objects.update(data={"hours": 4}) == 5
    assert states() == ["ready"] * 5


@pytest.mark.parametrize("state", State)
def test_a_manager_asks_the_same_questions(clock, state):
    journeys = {state: Letters.start() for state in State}
    journeys[State.PAUSED].pause()
    journeys[State.CANCELED].cancel()
    journeys[State.FINISHED].finish()
    hold(journeys[State.PERFORMING], NOON + HOUR)
    assert getattr(Letters.objects, state.value)().get() == journeys[state]
    counts = Letters.objects.values("state").annotate(count=Count("pk")).values_list("state", "count")
    assert dict(counts) == {state.value: 1 for state in State}
