"""Bulk starts of many heroes: statements, commits, crashes and company. SEMANTICS 1: bulk start."""

import os
import subprocess
import sys
from math import ceil

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from stepper_motor import step
from stepper_motor.django import Journey
from tests.django.side_by_side import side_by_side
from tests.shop.journeys import Drip
from tests.shop.models import Customer

MANY = 10_000
BATCH = 1000
STATEMENTS = {"postgresql": 6, "mysql": 6, "sqlite": 45}
"""The most in one batch; SQLite takes 999 parameters in one INSERT."""
START_AND_DIE = """
import os
import django; django.setup()
from tests.shop.journeys import Drip
from tests.shop.models import Customer
Drip.start_for(Customer.objects.all(), batch=10, progress=lambda started: started == 30 and os._exit(9))
"""


class Mailing(Journey[Customer]):
    @step
    def write(self): ...


class Picky(Journey[Customer]):
    @step(wait=lambda journey: 60 / (25 - int(journey.hero.name)))
    def write(self): ...


def customers(count):
    Customer.objects.bulk_create([Customer(name=str(n)) for n in range(count)])


@pytest.mark.slow
@pytest.mark.django_db
def test_ten_thousand_heroes_take_a_few_statements_a_batch_and_two_once_they_have_a_journey():
    customers(MANY)
    with CaptureQueriesContext(connection) as statements:
        assert Mailing.start_for(Customer.objects.all(), batch=BATCH) == MANY
    assert ceil(len(statements) / (MANY / BATCH)) <= STATEMENTS[connection.vendor]
    with CaptureQueriesContext(connection) as statements:
        assert Mailing.start_for(Customer.objects.all(), batch=BATCH, unless="ever") == 0
    assert len(statements) <= 2 * MANY / BATCH + 1


@pytest.mark.django_db(transaction=True)
def test_each_batch_is_a_commit_of_its_own():
    """A wait that raises stops it; what was before stays, and the rerun goes on from there."""
    customers(30)
    with pytest.raises(ZeroDivisionError):
        Picky.start_for(Customer.objects.all(), batch=10)
    assert Picky.objects.count() == 20
    Customer.objects.filter(name="25").delete()
    assert Picky.start_for(Customer.objects.exclude(name__in=["26", "27", "28", "29"]), unless="ever") == 5


@pytest.mark.django_db(transaction=True)
def test_in_the_callers_transaction_all_of_it_is_rolled_back_with_it():
    customers(30)
    with transaction.atomic():
        assert Mailing.start_for(Customer.objects.all(), batch=10) == 30
        transaction.set_rollback(True)
    assert not Mailing.objects.exists()


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_after_a_crash_in_the_middle_the_rerun_reaches_everybody_once():
    customers(100)
    died = subprocess.run([sys.executable, "-c", START_AND_DIE], env=os.environ, check=False, timeout=60)
    assert died.returncode == 9
    assert Drip.objects.count() == 30
    Drip.objects.all().finish()
    assert Drip.start_for(Customer.objects.all(), batch=10, unless="ever") == 70
    assert Drip.objects.values("hero_id").distinct().count() == Drip.objects.count() == 100


@pytest.mark.django_db(transaction=True)
def test_two_that_run_at_once_start_one_journey_for_each_hero():
    customers(300)
    started = side_by_side(*[lambda: Mailing.start_for(Customer.objects.all(), batch=20)] * 3)
    assert sum(started) == 300
    assert Mailing.objects.values("hero_id").distinct().count() == Mailing.objects.count() == 300
