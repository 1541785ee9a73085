"""One per hero under real concurrency: threads and processes that start journeys at the same moment. SEMANTICS 9."""

import subprocess
import sys
from threading import Event

import pytest
from django.db import transaction

from stepper_motor import AlreadyOnJourney, State, step
from stepper_motor.django import Journey
from tests.conditions import wait_until
from tests.django.side_by_side import sessions_that_wait_for_a_lock, side_by_side
from tests.shop.journeys import Drip
from tests.shop.models import Customer, Payment, PaymentJourney

pytestmark = pytest.mark.django_db(transaction=True)

PROCESSES = 4
HEROES = 50
START_FOR_ALL = """
import django; django.setup()
from stepper_motor import AlreadyOnJourney
from tests.shop.journeys import Drip
from tests.shop.models import Customer
started = 0
print("ready", flush=True)
input()
for hero in Customer.objects.order_by("pk"):
    try:
        Drip.start(hero)
        started += 1
    except AlreadyOnJourney:
        pass
print(started)
"""


class Rivals(Journey[Customer]):
    @step
    def write(self): ...


class Contested(Journey[Customer]):
    """A rival takes the place each time that it becomes free."""

    @step(wait=lambda journey: journey.meet_a_rival())
    def write(self): ...

    def meet_a_rival(self):
        if not self.data:
            Contested.start(self.hero, data={"rival": True}, on_conflict="ignore")
        return 0


def started(results):
    return [result for result in results if isinstance(result, Journey | PaymentJourney)]


def test_of_many_threads_one_starts_a_journey(customer):
    results = side_by_side(*[lambda: Rivals.start(customer)] * 8)
    assert len(started(results)) == 1
    assert [type(result) for result in results].count(AlreadyOnJourney) == 7
    assert Rivals.objects.get() in results


def test_also_where_the_hero_is_a_foreign_key():
    payment = Payment.objects.create()
    results = side_by_side(*[lambda: PaymentJourney.start(payment)] * 8)
    assert len(started(results)) == 1
    assert PaymentJourney.objects.count() == 1


def test_existing_gives_all_of_them_the_one_there_is(customer):
    results = side_by_side(*[lambda: Rivals.start(customer, on_conflict="existing")] * 8)
    assert results == [Rivals.objects.get()] * 8


def test_ignore_gives_one_of_them_a_journey(customer):
    results = side_by_side(*[lambda: Rivals.start(customer, on_conflict="ignore")] * 8)
    assert len(started(results)) == 1
    assert results.count(None) == 7


def test_replace_leaves_one_journey_whoever_comes_last(customer):
    first = Rivals.start(customer)
    results = side_by_side(*[lambda: Rivals.start(customer, on_conflict="replace")] * 4)
    assert len(started(results)) == 4, results
    ongoing = Rivals.objects.ongoing().get()
    assert ongoing in results
    ended = Rivals.objects.exclude(pk=ongoing.pk)
    assert first in ended
    assert {(journey.state, journey.reason) for journey in ended} == {("canceled", "replaced by another journey")}
    assert ended.count() == 4


def test_replace_gives_up_after_some_tries_and_changes_nothing(customer):
    first = Contested.start(customer, data={"rival": True})
    with pytest.raises(AlreadyOnJourney, match=r"others keep starting journeys of Contested .* tried \d+ times"):
        Contested.start(customer, on_conflict="replace")
    assert Contested.objects.get()._row == first._row


def test_of_those_that_reopen_ended_journeys_one_comes_through(customer):
    ended = [Rivals.start(customer) for _ in range(6) if Rivals.objects.ongoing().cancel()]
    Rivals.objects.ongoing().cancel()
    results = side_by_side(*[lambda journey=journey: journey.jump_to("write") for journey in ended])
    assert [type(result) for result in results].count(AlreadyOnJourney) == 5, results
    assert Rivals.objects.ongoing().count() == 1


@pytest.mark.only_on("postgresql", "mariadb")
def test_of_those_that_wait_for_a_start_that_is_rolled_back_one_starts_a_journey(customer):
    """MariaDB calls that a deadlock, and the library tries again."""

    begun = Event()

    def rolls_back():
        with transaction.atomic():
            Rivals.start(customer)
            begun.set()
            wait_until(lambda: sessions_that_wait_for_a_lock() == 3)
            transaction.set_rollback(True)

    def starts():
        return begun.wait(20) and Rivals.start(customer, on_conflict="ignore")

    results = side_by_side(rolls_back, starts, starts, starts)
    assert [result for result in results if isinstance(result, Exception)] == []
    assert len(started(results)) == Rivals.objects.count() == 1


@pytest.mark.processes
def test_of_many_processes_one_starts_a_journey_for_each_hero():
    Customer.objects.bulk_create([Customer(name=str(n)) for n in range(HEROES)])
    command = [sys.executable, "-c", START_FOR_ALL]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **pipes) for _ in range(PROCESSES)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        print("go", file=process.stdin, flush=True)
    results = [process.communicate(timeout=60) for process in processes]
    assert sum(int(out) for out, _ in results) == HEROES, results
    assert Drip.objects.ongoing().count() == HEROES
    assert {journey.state for journey in Drip.objects.all()} == {State.READY}
