"""The built-in worker in one process: steps per second, commits and statements per step, bytes per sleeping journey.

    make bench                                 5,000 journeys of three no-op steps, on PostgreSQL
    make bench ARGS="--journeys 2000 --runs 5"
    STEPPER_MOTOR_DATABASE=mariadb make bench

Each run starts the journeys anew and measures from the first claim to the last settlement, with the history kept and
the durability settings the server has. Beside the worker stands the floor: the same writes in bare SQL by one thread,
in batches of the same size, without any step, object or lease. Figures of one run are medians side by side; compare
the ratio, not the seconds of two machines.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import sys
from dataclasses import dataclass
from time import perf_counter, process_time
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
os.environ.setdefault("STEPPER_MOTOR_DATABASE", "postgresql")

import django

django.setup()

from django.db import connection
from django.db.backends.signals import connection_created
from django.test.runner import DiscoverRunner

from benchmarks.floor import floor
from stepper_motor.django import Journey, motor
from stepper_motor.motor.worker import Worker
from tests.shop.journeys import NoOp
from tests.shop.models import Customer

STEPS = 3


@dataclass
class Measured:
    """One run of the worker."""

    seconds: float
    cpu_seconds: float
    commits: int
    statements: int


def main() -> int:
    options = _options()
    runner = DiscoverRunner(verbosity=0)
    databases = runner.setup_databases()
    try:
        _report(options)
    finally:
        runner.teardown_databases(databases)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--journeys", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--concurrency", type=int, default=None)
    parser.add_argument("--sleeping", type=int, default=100_000, help="journeys that only wait, for their size")
    return parser.parse_args()


def _report(options: argparse.Namespace) -> None:
    print(f"Python {platform.python_version()}, Django {django.__version__}, {_server()}, {os.cpu_count()} cores")
    for name, heroes in (("with a hero each", True), ("without heroes", False)):
        runs = [_worker(options, heroes) for _ in range(options.runs)]
        is_postgresql = connection.vendor == "postgresql"
        floors = [floor(options.journeys, STEPS) for _ in range(options.runs if is_postgresql else 0)]
        _print(name, options.journeys * STEPS, runs, floors)
    if connection.vendor == "postgresql":
        size = _bytes_asleep(options.sleeping)
        print(f"a sleeping journey: {size:.0f} bytes of table and index, of {options.sleeping:,}")
    print(f"memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB at its most")


def _worker(options: argparse.Namespace, heroes: bool) -> Measured:
    _start(options.journeys, heroes)
    counted = _Statements()
    commits = _commits()
    began, cpu = perf_counter(), process_time()
    with counted:
        Worker(motor(), concurrency=options.concurrency).run(once=True)
    seconds, cpu = perf_counter() - began, process_time() - cpu
    finished, entries = Journey.objects.finished().count(), Journey.History.objects.count()
    assert (finished, entries) == (options.journeys, options.journeys * STEPS), (finished, entries)
    return Measured(seconds, cpu, _commits() - commits, counted.count)


def _start(journeys: int, heroes: bool) -> None:
    Journey.objects.all().delete()
    Customer.objects.all().delete()
    if heroes:
        Customer.objects.bulk_create([Customer(name=str(n)) for n in range(journeys)])
        NoOp.start_for(Customer.objects.all())
    else:
        Journey.objects.bulk_create([NoOp() for _ in range(journeys)], batch_size=1000)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE stepper_motor_journeys")


class _Statements:
    """Counts what is sent to the database by connections opened within the block, and by this thread's."""

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> None:
        connection_created.connect(self._watch, weak=False)
        connection.execute_wrappers.append(self._count)

    def __exit__(self, *_: object) -> None:
        connection_created.disconnect(self._watch)
        connection.execute_wrappers.remove(self._count)

    def _watch(self, *, connection: Any, **_: Any) -> None:
        connection.execute_wrappers.append(self._count)

    def _count(self, execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        self.count += 1
        return execute(sql, params, many, context)


def _commits() -> int:
    """Commits of this database so far; the server publishes them with a delay, so the statistics are asked anew."""
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute("SELECT pg_stat_get_db_xact_commit(oid) FROM pg_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


def _bytes_asleep(count: int) -> float:
    Journey.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM FULL stepper_motor_journeys")
        Customer.objects.all().delete()
        Customer.objects.bulk_create([Customer(name=str(n)) for n in range(count)], batch_size=5000)
        NoOp.start_for(Customer.objects.all())
        cursor.execute("VACUUM ANALYZE stepper_motor_journeys")
        cursor.execute("SELECT pg_total_relation_size('stepper_motor_journeys')")
        return float(cursor.fetchone()[0]) / count


def _server() -> str:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT 'SQLite ' || sqlite_version()")
            return str(cursor.fetchone()[0])
        cursor.execute("SELECT version()")
        version = " ".join(str(cursor.fetchone()[0]).split()[:2])
        if connection.vendor == "postgresql":
            cursor.execute("SELECT current_setting('fsync'), current_setting('synchronous_commit')")
            version += " (fsync {}, synchronous_commit {})".format(*cursor.fetchone())
        return version


def _print(name: str, steps: int, runs: list[Measured], floors: list[float]) -> None:
    seconds = statistics.median(run.seconds for run in runs)
    cpu = statistics.median(run.cpu_seconds for run in runs)
    commits = statistics.median(run.commits for run in runs)
    statements = statistics.median(run.statements for run in runs)
    print(f"\n{name}: {steps:,} steps, median of {len(runs)} runs")
    print(f"  {steps / seconds:,.0f} steps/s, {cpu / steps * 1e6:.0f} microseconds of this process's CPU a step")
    print(f"  {commits / steps:.3f} commits and {statements / steps:.3f} statements a step")
    if floors:
        bare = statistics.median(floors)
        print(f"  the floor in bare SQL: {steps / bare:,.0f} steps/s; the worker reaches {bare / seconds:.0%} of it")


if __name__ == "__main__":
    sys.exit(main())
