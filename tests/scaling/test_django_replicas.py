"""A router that reads from a copy. Here that copy is empty, as one that lags behind is for whatever is new: the engine
must not look at it."""

from __future__ import annotations

import io

import pytest
from django.core.management import call_command
from django.db import connections

from stepper_motor.django import Journey, motor
from stepper_motor.motor.housekeeping import Housekeeper
from stepper_motor.motor.worker import Worker
from tests.shop.journeys import ThreeSteps
from tests.shop.models import Customer, Payment, PaymentJourney, Spy

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "copy"])


class ReadsTheCopy:
    def db_for_read(self, model, **hints):
        return "copy"

    def db_for_write(self, model, **hints):
        return "default"

    def allow_relation(self, one, other, **hints):
        return True


@pytest.fixture(scope="module", autouse=True)
def copy(django_db_setup, django_db_blocker, tmp_path_factory):
    file = tmp_path_factory.mktemp("copy") / "copy.sqlite3"
    sqlite = {"ENGINE": "django.db.backends.sqlite3", "OPTIONS": {}, "NAME": file}
    connections.settings["copy"] = {**connections.settings["default"], **sqlite}
    with django_db_blocker.unblock():
        call_command("migrate", database="copy", verbosity=0)
    yield
    connections["copy"].close()
    del connections["copy"], connections.settings["copy"]


@pytest.fixture(autouse=True)
def routed(settings):
    settings.DATABASE_ROUTERS = ["tests.scaling.test_django_replicas.ReadsTheCopy"]


def work():
    Worker(motor(), concurrency=2).run(once=True)


def test_a_worker_finds_and_performs_what_the_copy_does_not_know():
    journey = ThreeSteps.start(Customer.objects.create(name="Ada"))
    work()

    assert not Journey.objects.exists()
    found = Journey.objects.using("default").get()
    assert (found.pk, found.state) == (journey.pk, "finished")
    assert Spy.objects.using("default").count() == 3


def test_the_hero_of_a_step_is_read_where_it_was_written():
    payment = Payment.objects.create(amount=12)
    PaymentJourney.start(payment)
    work()

    assert Payment.objects.using("default").get().state == "initiated"


def test_the_hero_of_a_shared_table_s_journey_too():
    ada = Customer.objects.create(name="Ada")
    journey = ThreeSteps.start(ada)

    (loaded,) = journey._store.load([journey.pk]).values()

    assert loaded.hero == ada
    assert Journey.objects.using("default").get().hero == ada


def test_a_journey_that_was_read_from_the_copy_has_its_hero_read_there():
    journey = ThreeSteps.start(Customer.objects.create(name="Ada"))
    Customer.objects.using("copy").create(pk=journey.hero_id, name="Ada as of yesterday")
    journey._state.db, journey._hero_read = "copy", False

    assert journey.hero.name == "Ada as of yesterday"


def test_a_start_looks_for_a_journey_in_its_way_where_it_writes():
    ada = Customer.objects.create(name="Ada")
    first = ThreeSteps.start(ada)

    assert ThreeSteps.start(ada, on_conflict="existing") == first
    assert ThreeSteps.start_for(Customer.objects.using("default"), unless="ever") == 0


def test_commands_and_housekeeping_look_where_journeys_are_written():
    journey = ThreeSteps.start()
    Journey.objects.using("default").cancel("enough")
    output = io.StringIO()
    call_command("stepper_motor", "list", stdout=output)

    assert str(journey.pk) in output.getvalue()
    assert Housekeeper(motor()).keep().failed == 0
