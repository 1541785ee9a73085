"""Journeys in several databases: a table in each, or the same tables in all of them."""

from __future__ import annotations

import io

import pytest
from django.core.management import call_command
from django.db import connections

from stepper_motor.django import motor
from stepper_motor.motor.worker import Worker
from tests.shop.journeys import ThreeSteps
from tests.shop.models import Payment, PaymentJourney

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "second"])


class PaymentsInTheSecond:
    """A table with its heroes and its history in another database."""

    def db_for_read(self, model, **hints):
        return "second" if model._meta.concrete_model in (Payment, PaymentJourney, PaymentJourney.History) else None

    db_for_write = db_for_read


class AllInTheSecond:
    """As the processes of a second tenant have it."""

    def db_for_read(self, model, **hints):
        return "second"

    db_for_write = db_for_read


@pytest.fixture(scope="module", autouse=True)
def second(django_db_setup, django_db_blocker, tmp_path_factory):
    file = tmp_path_factory.mktemp("second") / "second.sqlite3"
    sqlite = {"ENGINE": "django.db.backends.sqlite3", "OPTIONS": {}, "NAME": file}
    connections.settings["second"] = {**connections.settings["default"], **sqlite}
    with django_db_blocker.unblock():
        call_command("migrate", database="second", verbosity=0)
    yield
    connections["second"].close()
    del connections["second"], connections.settings["second"]


def route(settings, router):
    settings.DATABASE_ROUTERS = [f"{__name__}.{router.__name__}"]


def work():
    Worker(motor(), concurrency=2).run(once=True)


def test_one_worker_serves_every_table_in_the_database_that_its_router_names(settings):
    route(settings, PaymentsInTheSecond)
    PaymentJourney.start(Payment.objects.create(amount=12))
    ThreeSteps.start()
    work()

    assert PaymentJourney.objects.using("second").get().notes == ["initiated"]
    assert not PaymentJourney.objects.using("default").exists()
    assert ThreeSteps.objects.using("default").get().state == "finished"
    assert PaymentJourney.History.objects.using("second").count() == 1


def test_so_do_the_commands(settings):
    route(settings, PaymentsInTheSecond)
    payment, shared = PaymentJourney.start(), ThreeSteps.start()
    output = io.StringIO()
    call_command("stepper_motor", "list", stdout=output)

    assert str(payment.pk) in output.getvalue()
    assert f"{shared.pk} " in output.getvalue()


def test_a_worker_leaves_the_same_table_in_another_database_alone(settings):
    journey = ThreeSteps.objects.using("second").create()
    work()
    assert ThreeSteps.objects.using("second").get().state == "ready"

    route(settings, AllInTheSecond)
    work()

    assert ThreeSteps.objects.get() == journey
    assert ThreeSteps.objects.get().state == "finished"
