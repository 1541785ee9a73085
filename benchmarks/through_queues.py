"""Journeys of three steps through a job system, beside the same three tasks chained by hand in it.

    python -m benchmarks.through_queues celery
    python -m benchmarks.through_queues celery --reuse 0 --prefetch 4 --broker redis
    python -m benchmarks.through_queues django-tasks --journeys 500 --runs 5

On PostgreSQL, performed by the job system's own workers: `celery worker --concurrency 2` (prefork), or two processes of
`db_worker`. A step and a task do the same: one UPDATE of the order they are for. Measured from the first start until
the last order is done, with workers that are ready; the variants take turns. By hand there are two: a chain that keeps
no state, and one that keeps a status of each order, so that it survives a worker's death and a task that comes twice.
Of journeys there are three: plain steps, as the bare chain has them; atomic ones, whose work and progress are one
commit, as the careful chain's are; both with a ticket that performs all three steps, since they are due at once; and
plain steps with a ticket for each (`RUN_ON_STEPS` = 1).
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata

MODULES = {"celery": "on_celery", "django-tasks": "on_django_tasks"}
"""Of `benchmarks.queues`."""
PACKAGES = {"celery": ["celery", "kombu"], "django-tasks": ["django-tasks", "django-tasks-db"]}


def main() -> int:
    options = _options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # by way of the `finally`s: they end what was started
    with _broker(options) as url:
        os.environ.update(
            DJANGO_SETTINGS_MODULE="benchmarks.queues.settings",
            STEPPER_MOTOR_DATABASE="postgresql",
            BENCHMARK_SYSTEM=MODULES[options.system],
            BENCHMARK_REUSE=str(options.reuse),
            BENCHMARK_PREFETCH=str(options.prefetch),
            BENCHMARK_BROKER=url,
        )
        _compare(options)
    return 0


def _options() -> argparse.Namespace:
    about, _, _ = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(prog="python -m benchmarks.through_queues", description=about)
    parser.add_argument("system", choices=MODULES)
    parser.add_argument("--journeys", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", action="append", default=[], help="a variant, by its name; more than once for more")
    parser.add_argument(
        "--reuse", type=int, default=1000,
        help="how long a database connection lives: tasks with Celery (CELERY_DB_REUSE_MAX), "
        "seconds with django-tasks (CONN_MAX_AGE); 0 is the default of both",
    )  # fmt: skip
    parser.add_argument("--prefetch", type=int, default=1, help="worker_prefetch_multiplier of Celery's")
    parser.add_argument("--broker", choices=["rabbitmq", "redis"], default="rabbitmq", help="of Celery's")
    return parser.parse_args()


@contextmanager
def _broker(options: argparse.Namespace) -> Iterator[str]:
    """One that runs for this alone, where one is needed."""
    from tools.brokers import RabbitMQ, Redis, running

    if options.system != "celery":
        yield ""
        return
    with running(RabbitMQ if options.broker == "rabbitmq" else Redis) as broker:
        yield broker.url


def _compare(options: argparse.Namespace) -> None:
    import django

    django.setup()
    from django.test.runner import DiscoverRunner

    from benchmarks.queues.comparing import compare

    runner = DiscoverRunner(verbosity=0)
    databases = runner.setup_databases()
    try:
        print(_about(options), flush=True)
        compare(options)
        print("load average at the end: {:.1f} {:.1f} {:.1f}".format(*os.getloadavg()))
    finally:
        runner.teardown_databases(databases)


def _about(options: argparse.Namespace) -> str:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT version(), current_setting('fsync'), current_setting('synchronous_commit')")
        version, fsync, synchronous = cursor.fetchone()
    names = ["Django", "psycopg", *PACKAGES[options.system]]
    packages = ", ".join(f"{name} {metadata.version(name)}" for name in names)
    if options.system == "celery":
        settings = f"{options.broker}, 2 processes, prefetch {options.prefetch}, CELERY_DB_REUSE_MAX {options.reuse}"
    else:
        settings = f"2 processes, CONN_MAX_AGE {options.reuse}"
    return (
        f"Python {platform.python_version()}, {packages}, {' '.join(version.split()[:2])} (fsync {fsync}, "
        f"synchronous_commit {synchronous}), {os.cpu_count()} cores\n{settings}\n"
        "load average before: {:.1f} {:.1f} {:.1f}".format(*os.getloadavg())
    )


if __name__ == "__main__":
    sys.exit(main())
