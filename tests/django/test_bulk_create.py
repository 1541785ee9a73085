"""`bulk_create`: the ORM's own way to start many journeys. SEMANTICS 1: start."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from stepper_motor import AlreadyOnJourney, State, StepperMotorError, step
from stepper_motor.django import Journey, motor
from tests.django.conftest import NOON
from tests.shop.models import Customer, Payment, PaymentJourney

pytestmark = pytest.mark.django_db


class Package(Journey[Customer]):
    @step(wait=timedelta(hours=1))
    def pack(self): ...


class Weighed(Journey[Customer]):
    @step(wait=lambda journey: journey.data["weight"])
    def pack(self): ...


class Parcel(Package): ...


class Nothing(Journey[Customer]):
    ended = []

    def after_finish(self):
        self.ended.append(self.pk)


@pytest.fixture
def heroes():
    return Customer.objects.bulk_create([Customer(name=str(n)) for n in range(5)])


def test_each_departs_as_save_would_have_it(clock, heroes):
    made = Package.objects.bulk_create([Package(hero=hero, data={"n": n}) for n, hero in enumerate(heroes)])
    found = list(Package.objects.order_by("pk"))
    assert found == made
    for journey, hero in zip(found, heroes, strict=True):
        assert (journey.hero, journey.state, journey.next_step_name) == (hero, State.READY, "pack")
        assert journey.next_step_to_be_performed_at == NOON + timedelta(hours=1)
    assert len({journey.fence for journey in found}) == 5
    assert [journey.data["n"] for journey in found] == [0, 1, 2, 3, 4]


def test_the_objects_are_as_good_as_those_that_were_read(clock, heroes):
    [journey] = Package.objects.bulk_create([Package(hero=heroes[0])])
    assert journey._row == Package.objects.get()._row
    journey.skip()
    assert journey.state is State.FINISHED


def test_journeys_of_several_classes(heroes):
    Journey.objects.bulk_create([Package(hero=heroes[0]), Parcel(hero=heroes[0]), Weighed(data={"weight": 3})])
    assert [type(journey) for journey in Journey.objects.order_by("pk")] == [Package, Parcel, Weighed]


def test_in_batches(heroes):
    Package.objects.bulk_create([Package(hero=hero) for hero in heroes], batch_size=2)
    assert Package.objects.ready().count() == 5


def test_a_table_of_its_own():
    payments = Payment.objects.bulk_create([Payment(amount=n) for n in range(3)])
    PaymentJourney.objects.bulk_create([PaymentJourney(hero=payment, amount=7) for payment in payments])
    assert {journey.hero for journey in PaymentJourney.objects.all()} == set(payments)
    with pytest.raises(AlreadyOnJourney):
        PaymentJourney.objects.bulk_create([PaymentJourney(hero=payments[0])])


def test_a_conflict_starts_none_of_them_and_leaves_the_objects_as_they_were(heroes):
    Package.start(heroes[3])
    journeys = [Package(hero=hero) for hero in heroes]
    with transaction.atomic(), pytest.raises(AlreadyOnJourney, match="one of the heroes is on a Package already"):
        Package.objects.bulk_create(journeys, batch_size=1)
    assert Package.objects.count() == 1
    Package.objects.all().cancel()
    assert {journey.pk for journey in journeys} == {None}
    Package.objects.bulk_create(journeys)
    assert Package.objects.ready().count() == 5


def test_conflicts_may_be_ignored(heroes):
    Package.start(heroes[3])
    Package.objects.bulk_create([Package(hero=hero) for hero in heroes], ignore_conflicts=True)
    assert Package.objects.ready().count() == 5


def test_another_conflict_is_the_databases(heroes):
    first = Package.start(heroes[0])
    with pytest.raises(IntegrityError), transaction.atomic():
        Package.objects.bulk_create([Package(pk=first.pk, hero=heroes[1])])


def test_a_wait_that_raises_starts_none_of_them_and_leaves_the_objects_as_they_were(heroes):
    journeys = [Weighed(hero=hero, data={"weight": n}) for n, hero in enumerate(heroes)]
    journeys[3].data = {}
    with pytest.raises(KeyError, match="weight"):
        Weighed.objects.bulk_create(journeys)
    assert not Weighed.objects.exists()
    journeys[3].data = {"weight": 3}
    Weighed.objects.bulk_create(journeys)
    assert Weighed.objects.count() == 5


def test_the_engines_columns_are_the_engines(heroes):
    with pytest.raises(StepperMotorError, match="state is the engine's column"):
        Package.objects.bulk_create([Package(hero=heroes[0]), Package(hero=heroes[1], state="paused")])
    for column in ("state", "next_step_name", "fence"):
        with pytest.raises(StepperMotorError, match=f"{column}: the engine's columns can't be updated"):
            Package.objects.bulk_create(
                [Package(hero=heroes[0])], update_conflicts=True, update_fields=["data", column], unique_fields=["id"]
            )
    assert not Package.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_workers_are_told_after_the_commit(clock, heroes):
    woken = []
    with motor().waking(lambda: woken.append(Weighed.objects.count())), transaction.atomic():
        Weighed.objects.bulk_create([Weighed(hero=hero, data={"weight": 0}) for hero in heroes])
        assert woken == []
    assert set(woken) <= {5}


def test_a_class_without_steps_is_finished_at_once(django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        made = Nothing.objects.bulk_create([Nothing(), Nothing()])
    assert Nothing.objects.finished().count() == 2
    assert Nothing.ended == [journey.pk for journey in made]
