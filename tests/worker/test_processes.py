"""Several worker processes at once."""

from __future__ import annotations

from collections import Counter

import pytest

from tests import databases
from tests.conditions import wait_until
from tests.shop.journeys import ThreeSteps
from tests.shop.models import Customer, Spy

pytestmark = pytest.mark.processes

MANY = {"sqlite": 300, "postgresql": 5000, "mariadb": 5000}[databases.chosen()]
"""5,000 journeys are 15,000 bodies, each with a commit of its own."""


def start_many(cls, number):
    Customer.objects.bulk_create([Customer(name=f"customer {n}") for n in range(number)])
    assert cls.start_for(Customer.objects.all()) == number


@pytest.mark.slow
def test_four_workers_perform_every_step_exactly_once_and_log_no_error(crew):
    start_many(ThreeSteps, MANY)
    workers = [crew.worker("--concurrency", "4") for _ in range(4)]

    wait_until(lambda: not ThreeSteps.objects.ongoing().exists(), limit=90, what="all journeys have ended")

    assert [worker.stops() for worker in workers] == [0, 0, 0, 0]
    told = Counter(Spy.objects.values_list("journey_id", "word"))
    assert len(told) == 3 * MANY
    assert set(told.values()) == {1}
    assert ThreeSteps.objects.finished().filter(steps_completed=3, steps_entered=3).count() == MANY
    assert [worker.logged("ERROR", "WARNING", "CRITICAL") for worker in workers] == [[], [], [], []]
