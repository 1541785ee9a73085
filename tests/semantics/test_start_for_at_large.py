"""Bulk starts of many heroes: statements, commits, crashes and company. SEMANTICS 1: bulk start."""

import os
import subprocess
import sys
from math import ceil

import pytest

from stepper_motor import step
from tests.home import (
    Customer,
    Drip,
    Journey,
    count,
    create_many,
    delete,
    rolled_back,
    start_for,
    statements,
    these,
    vendor,
)
from tests.semantics.side_by_side import side_by_side

MANY = 10_000
BATCH = 1000
STATEMENTS = {"postgresql": 6, "mariadb": 6, "sqlite": 45}
"""The most in one batch; SQLite takes 999 parameters in one INSERT."""
START_AND_DIE = """
import os
from tests.home import Customer, Drip, on_its_own, start_for, these
on_its_own(lambda: start_for(Drip, these(Customer), batch=10, progress=lambda started: started == 30 and os._exit(9)))
"""


class Mailing(Journey[Customer]):
    @step
    def write(self): ...


class Picky(Journey[Customer]):
    @step(wait=lambda journey: 60 / (25 - int(journey.hero.name)))
    def write(self): ...


def customers(count):
    create_many(Customer, [{"name": str(n)} for n in range(count)])


@pytest.mark.slow
@pytest.mark.database
def test_ten_thousand_heroes_take_a_few_statements_a_batch_and_two_once_they_have_a_journey():
    customers(MANY)
    with statements() as sent:
        assert start_for(Mailing, these(Customer), batch=BATCH) == MANY
    assert ceil(len(sent) / (MANY / BATCH)) <= STATEMENTS[vendor()]
    with statements() as sent:
        assert start_for(Mailing, these(Customer), batch=BATCH, unless="ever") == 0
    assert len(sent) <= 2 * MANY / BATCH + 1


@pytest.mark.database(transaction=True)
def test_each_batch_is_a_commit_of_its_own():
    """A wait that raises stops it; what was before stays, and the rerun goes on from there."""
    customers(30)
    with pytest.raises(ZeroDivisionError):
        start_for(Picky, these(Customer), batch=10)
    assert count(Picky) == 20
    delete(these(Customer, name="25").get())
    assert start_for(Picky, these(Customer).order_by("id")[:25], unless="ever") == 5


@pytest.mark.database(transaction=True)
def test_in_the_callers_transaction_all_of_it_is_rolled_back_with_it():
    customers(30)
    with rolled_back():
        assert start_for(Mailing, these(Customer), batch=10) == 30
    assert not count(Mailing)


@pytest.mark.processes
@pytest.mark.database(transaction=True)
def test_after_a_crash_in_the_middle_the_rerun_reaches_everybody_once():
    customers(100)
    died = subprocess.run([sys.executable, "-c", START_AND_DIE], env=os.environ, check=False, timeout=60)
    assert died.returncode == 9
    assert count(Drip) == 30
    these(Drip).finish()
    assert start_for(Drip, these(Customer), batch=10, unless="ever") == 70
    assert len({journey.hero_id for journey in these(Drip)}) == count(Drip) == 100


@pytest.mark.database(transaction=True)
def test_two_that_run_at_once_start_one_journey_for_each_hero():
    customers(300)
    started = side_by_side(*[lambda: start_for(Mailing, these(Customer), batch=20)] * 3)
    assert sum(started) == 300
    assert len({journey.hero_id for journey in these(Mailing)}) == count(Mailing) == 300
