"""Starts a worker of a job system, has it do so many orders, and tells how long that took."""

from __future__ import annotations

import os
import resource
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter

from django.db import connection

from benchmarks.queues.models import STEPS, Order
from stepper_motor.django import Journey
from tests.conditions import wait_until
from tests.queues.systems import QueueWorker, descendants

LIMIT = 600.0
"""Seconds within which all has to be done."""
WARM_UP = 20
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Variant:
    """One way to have the three steps performed."""

    name: str
    start: Callable[[], object]
    """Starts one flow for every order."""
    are_done: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    """Of its workers."""


@dataclass(frozen=True)
class Workers:
    """Those of one job system."""

    arguments: list[str]
    """What follows `python -m`."""
    processes: int
    is_at_work: Callable[[QueueWorker], bool]
    """Whether it is ready to perform."""


@dataclass(frozen=True)
class Measured:
    seconds: float
    """From the first start to the end of the last."""
    starting: float
    """Seconds until all were started, meanwhile the workers performed."""
    starting_cpu: float
    working_cpu: float


def journeys_are_done() -> bool:
    return not Journey.objects.ongoing().exists()


def orders_are_done() -> bool:
    return not Order.objects.filter(worked__lt=STEPS).exists()


def measure(variant: Variant, workers: Workers, count: int) -> Measured:
    with _at_work(workers, variant.environment) as processes:
        _run(variant, processes, WARM_UP)
        return _run(variant, processes, count)


def _run(variant: Variant, processes: list[QueueWorker], count: int) -> Measured:
    _make_orders(count)
    began, own_before, theirs_before = perf_counter(), _own_cpu(), _cpu(processes)
    variant.start()
    starting, starting_cpu = perf_counter() - began, _own_cpu() - own_before
    wait_until(variant.are_done, limit=LIMIT, what=f"{variant.name}: all is done")
    seconds = perf_counter() - began
    _check(count)
    return Measured(seconds, starting, starting_cpu, _cpu(processes) - theirs_before)


def _make_orders(count: int) -> None:
    with connection.cursor() as cursor:
        tables = [name for name in connection.introspection.table_names() if name in _TABLES]
        cursor.execute(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY CASCADE")
        Order.objects.bulk_create([Order() for _ in range(count)])
        for table in tables:
            cursor.execute(f"VACUUM ANALYZE {table}")


_TABLES = {Order._meta.db_table, Journey._meta.db_table, Journey.History._meta.db_table, "django_tasks_db_dbtaskresult"}


def _check(count: int) -> None:
    """Each step was performed, and once."""
    assert Order.objects.filter(worked=STEPS).count() == count
    if Journey.objects.exists():
        assert Journey.objects.finished().count() == count
        assert Journey.History.objects.count() == count * STEPS


@contextmanager
def _at_work(workers: Workers, environment: Mapping[str, str]) -> Iterator[list[QueueWorker]]:
    started: list[QueueWorker] = []
    with tempfile.TemporaryDirectory(prefix="stepper_motor_benchmark_") as folder:
        try:
            for number in range(workers.processes):
                log = Path(folder) / f"worker {number}.log"
                started.append(QueueWorker(workers.arguments, log, environment))
            for worker in started:
                wait_until(partial(_is_ready, workers, worker), limit=60, what="a worker is ready")
            yield started
        finally:
            for worker in started:
                worker.kill()


def _is_ready(workers: Workers, worker: QueueWorker) -> bool:
    assert worker.status is None, worker.output
    return workers.is_at_work(worker)


def _own_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _cpu(processes: list[QueueWorker]) -> float:
    """Seconds of CPU that these and their descendants have used."""
    pids = [pid for process in processes for pid in (process.pid, *descendants(process.pid))]
    return sum(_ticks(pid) for pid in pids) / TICKS


def _ticks(pid: int) -> int:
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return int(user) + int(system)
