"""What a project with many journey classes pays for each claim: the engine asks for every step that it knows.

    python -m benchmarks.many_types                  1, 10, 100 and 300 classes of five steps, on PostgreSQL
    python -m benchmarks.many_types --classes 1000 --rows 500

Milliseconds, and those of CPU in this process, for: a claim by ticket (with its commit and the hero), a worker's claim
that finds nothing, and its look for the next due time. A thousand other journeys wait.
"""

# ruff: noqa: E402  # Django has to be set up before models are imported

from __future__ import annotations

import argparse
import os
import resource
import statistics
import sys
from collections.abc import Callable
from datetime import timedelta
from time import perf_counter
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
os.environ.setdefault("STEPPER_MOTOR_DATABASE", "postgresql")

import django

django.setup()

from django.test.runner import DiscoverRunner

from stepper_motor import now, step
from stepper_motor.django import Journey
from stepper_motor.django.engine import store_of
from tests.shop.models import Customer

STEPS = 5
WAITING = 1000


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.many_types", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--classes", type=int, nargs="+", default=[1, 10, 100, 300])
    parser.add_argument("--rows", type=int, default=300, help="how often each is done")
    options = parser.parse_args()
    runner = DiscoverRunner(verbosity=0)
    databases = runner.setup_databases()
    try:
        print("load average before: {:.1f} {:.1f} {:.1f}".format(*os.getloadavg()))
        for number in sorted(options.classes):
            _measure(_classes(number), options.rows)
    finally:
        runner.teardown_databases(databases)
    return 0


def _classes(number: int) -> Any:
    """Have so many classes, beside those of the test project; returns one of them."""
    names = [f"a_step_with_the_number_{n}" for n in range(STEPS)]
    members = {"__module__": "shop.journeys", **{name: step(lambda self: None, name=name) for name in names}}
    made = [type(Journey)(f"Measured{n}", (Journey,), dict(members)) for n in range(number)]
    return made[0]


def _measure(cls: Any, rows: int) -> None:
    Journey.objects.all().delete()
    Customer.objects.all().delete()
    Customer.objects.bulk_create([Customer(name="Ada") for _ in range(WAITING + rows)])
    ids = list(Customer.objects.values_list("pk", flat=True))
    cls.start_for(Customer.objects.filter(pk__in=ids[:WAITING]), at=now() + timedelta(days=1))
    cls.start_for(Customer.objects.filter(pk__in=ids[WAITING:]))
    store = store_of(Journey, None)
    due = list(cls.objects.due().values_list("pk", "fence"))
    assert len(due) == rows
    known = len(Journey.registry.positions())
    print(f"{len(Journey.registry)} classes, {known} steps that may be next")
    _told(
        "claim by ticket", [lambda id=id, fence=fence: store.claim_at_once(id, fence, "somebody") for id, fence in due]
    )
    _told("claim of a worker", [lambda: store.claim_due(10, "somebody")] * rows)
    _told("next due", [store.next_due] * rows)


def _told(what: str, calls: list[Callable[[], object]]) -> None:
    taken, cpu = [], _cpu()
    for call in calls:
        began = perf_counter()
        call()
        taken.append(perf_counter() - began)
    used = (_cpu() - cpu) / len(calls)
    print(f"  {what:20}{statistics.median(taken) * 1000:8.2f} ms{used * 1000:8.2f} ms of CPU")


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main())
