"""One per hero under real concurrency: threads and processes that start journeys at the same moment. SEMANTICS 9."""

import subprocess
import sys
from functools import partial
from threading import Event

import pytest

from stepper_motor import AlreadyOnJourney, State, step
from tests.conditions import wait_until
from tests.home import (
    Customer,
    Drip,
    Journey,
    Payment,
    PaymentJourney,
    count,
    create,
    create_many,
    found,
    only,
    rolled_back,
    start,
    these,
)
from tests.semantics.side_by_side import sessions_that_wait_for_a_lock, side_by_side

pytestmark = pytest.mark.database(transaction=True)

PROCESSES = 4
HEROES = 50
START_FOR_ALL = """
from stepper_motor import AlreadyOnJourney
from tests.home import Customer, Drip, on_its_own, start, these
def main():
    started = 0
    print("ready", flush=True)
    input()
    for hero in list(these(Customer).order_by("id")):
        try:
            start(Drip, hero)
            started += 1
        except AlreadyOnJourney:
            pass
    print(started)
on_its_own(main)
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
            start(Contested, self.hero, data={"rival": True}, on_conflict="ignore")
        return 0


def started(results):
    return [result for result in results if isinstance(result, Journey | PaymentJourney)]


def test_of_many_threads_one_starts_a_journey(customer):
    results = side_by_side(*[lambda: start(Rivals, customer)] * 8)
    assert len(started(results)) == 1
    assert [type(result) for result in results].count(AlreadyOnJourney) == 7
    assert only(Rivals) in results


def test_also_where_the_hero_is_a_foreign_key():
    payment = create(Payment)
    results = side_by_side(*[lambda: start(PaymentJourney, payment)] * 8)
    assert len(started(results)) == 1
    assert count(PaymentJourney) == 1


def test_existing_gives_all_of_them_the_one_there_is(customer):
    results = side_by_side(*[lambda: start(Rivals, customer, on_conflict="existing")] * 8)
    assert results == [only(Rivals)] * 8


def test_ignore_gives_one_of_them_a_journey(customer):
    results = side_by_side(*[lambda: start(Rivals, customer, on_conflict="ignore")] * 8)
    assert len(started(results)) == 1
    assert results.count(None) == 7


def test_replace_leaves_one_journey_whoever_comes_last(customer):
    first = start(Rivals, customer)
    results = side_by_side(*[lambda: start(Rivals, customer, on_conflict="replace")] * 4)
    assert len(started(results)) == 4, results
    ongoing = these(Rivals).ongoing().get()
    assert ongoing in results
    ended = [journey for journey in these(Rivals) if journey != ongoing]
    assert first in ended
    assert {(journey.state, journey.reason) for journey in ended} == {("canceled", "replaced by another journey")}
    assert len(ended) == 4


def test_replace_gives_up_after_some_tries_and_changes_nothing(customer):
    first = start(Contested, customer, data={"rival": True})
    with pytest.raises(AlreadyOnJourney, match=r"others keep starting journeys of Contested .* tried \d+ times"):
        start(Contested, customer, on_conflict="replace")
    assert only(Contested)._row == first._row


def test_of_those_that_reopen_ended_journeys_one_comes_through(customer):
    ended = [start(Rivals, customer) for _ in range(6) if these(Rivals).ongoing().cancel()]
    these(Rivals).ongoing().cancel()
    results = side_by_side(*[partial(found(journey).jump_to, "write") for journey in ended])
    assert [type(result) for result in results].count(AlreadyOnJourney) == 5, results
    assert these(Rivals).ongoing().count() == 1


@pytest.mark.only_on("postgresql", "mariadb")
def test_of_those_that_wait_for_a_start_that_is_rolled_back_one_starts_a_journey(customer):
    """MariaDB calls that a deadlock, and the library tries again."""

    begun = Event()

    def rolls_back():
        with rolled_back():
            start(Rivals, customer)
            begun.set()
            wait_until(lambda: sessions_that_wait_for_a_lock() == 3)

    def starts():
        return begun.wait(20) and start(Rivals, customer, on_conflict="ignore")

    results = side_by_side(rolls_back, starts, starts, starts)
    assert [result for result in results if isinstance(result, Exception)] == []
    assert len(started(results)) == count(Rivals) == 1


@pytest.mark.processes
def test_of_many_processes_one_starts_a_journey_for_each_hero():
    create_many(Customer, [{"name": str(n)} for n in range(HEROES)])
    command = [sys.executable, "-c", START_FOR_ALL]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **pipes) for _ in range(PROCESSES)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        print("go", file=process.stdin, flush=True)
    results = [process.communicate(timeout=60) for process in processes]
    assert sum(int(out) for out, _ in results) == HEROES, results
    assert these(Drip).ongoing().count() == HEROES
    assert {journey.state for journey in these(Drip)} == {State.READY}
