"""Tickets through Procrastinate, whose jobs are rows of a PostgreSQL database.

    ForwardScheduler(ProcrastinateQueue())       in Django: Procrastinate's Django app, on Django's connections
    ForwardScheduler(ProcrastinateQueue(app))    elsewhere: your `procrastinate.App`

The tasks are a Blueprint, which the queue adds to the app: `stepper_motor:perform_step`, and `stepper_motor:sweep`,
which Procrastinate's workers run every minute.

A ticket is written on the connection that the journey is written on, whatever the driver; so they are committed or
rolled back together, and the app's pool need not be open for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import procrastinate
from croniter import croniter
from procrastinate.connector import BaseConnector
from procrastinate.manager import JobManager
from procrastinate.tasks import configure_task

from stepper_motor.journeys.durations import Duration
from stepper_motor.motor import receiving
from stepper_motor.motor.ports import Store
from stepper_motor.motor.queue_options import NAME, WHOLE_NUMBER, Kinds, check_kind, check_options
from stepper_motor.motor.schedulers import horizon_of

if TYPE_CHECKING:
    from typing import LiteralString

NAMESPACE = "stepper_motor"
OPTIONS: Mapping[str, Kinds] = {"queue": NAME, "priority": WHOLE_NUMBER}
"""Of a class's and a step's `queue_options`, as Procrastinate has them. No locks: a job that waits for its time keeps
its lock from all that come after it, and so does one whose worker was killed."""
HORIZON = timedelta(hours=1)
"""A worker reads past all that waits before it finds what is due, so what is far ahead is left on the journey's row."""
EVERY_MINUTE = "* * * * *"


def perform_step(ticket: str) -> None:
    """Perform the step that a ticket is for."""
    receiving.perform_ticket(ticket)


def sweep(timestamp: int) -> None:
    """Recover, hand over and delete.

    Args:
        timestamp: when Procrastinate meant it to run, in seconds.
    """
    receiving.sweep()


class ProcrastinateQueue:
    """Hands tickets to Procrastinate.

    Args:
        app: whose workers perform the steps; without one, that of `procrastinate.contrib.django`.
        max_delay: its horizon; None: as far as you like.
        sweep: when the workers sweep, as cron has it, with seconds as a sixth column if you like; None: somebody else
            does. Of several queues on one app the first that says it.
        same_database: outside of Django: the app's tables are in the database of the journeys, so that a ticket can be
            written in the transaction of its journey. Otherwise it goes through the app, which has to be open, after
            the commit. (In Django it is `PROCRASTINATE_DATABASE_ALIAS` that says so.)
        options: `queue` and `priority` of every ticket; a class's and a step's `queue_options` come over them.

    Raises:
        ValueError: it has no such option; `sweep` is not as cron has it.
        TypeError: `app` is none of Procrastinate's.
    """

    is_eager = False

    def __init__(
        self, app: procrastinate.App | None = None, *, max_delay: Duration | None = HORIZON,
        sweep: str | None = EVERY_MINUTE, same_database: bool = True, **options: Any,
    ) -> None:  # fmt: skip
        if app is not None and not hasattr(app, "add_tasks_from"):  # Django's is a proxy
            raise TypeError(f"app must be an app of Procrastinate's, got {app!r}")
        check_kind("same_database", same_database, bool, "True or False")
        if sweep is not None and not _is_cron(sweep):
            raise ValueError(f"sweep must be as cron has it, such as '* * * * *', or None, got {sweep!r}")
        self.max_delay = horizon_of(max_delay, endless=True)
        self._app = app if app is not None else _app_of_django()
        self._alias = _alias_in_django(self._app)
        self._same_database = same_database
        self._options = _checked(options)
        self._give_tasks(sweep)

    def _give_tasks(self, sweep_at: str | None) -> None:
        """What the app does not have yet: another queue may have the same one, and a Blueprint belongs to one app."""
        tasks = procrastinate.Blueprint()
        if f"{NAMESPACE}:perform_step" not in self._app.tasks:
            tasks.task(name="perform_step")(perform_step)
        if sweep_at is not None and f"{NAMESPACE}:sweep" not in self._app.tasks:
            # While no worker runs, one waits and not hundreds. No `lock`: a killed worker would keep it.
            periodic = tasks.periodic(cron=sweep_at, queueing_lock=f"{NAMESPACE}:sweep", **self._options)
            periodic(tasks.task(name="sweep")(sweep))
        if tasks.tasks:
            self._app.add_tasks_from(tasks, namespace=NAMESPACE)

    def check(self, options: Mapping[str, Any]) -> None:
        """See `ParticularQueue`."""
        _checked(options)

    def commits_with(self, store: Store) -> bool:
        if self._alias is not None:
            return getattr(store, "alias", None) == self._alias
        return self._same_database and _is_on_postgresql(store)

    def enqueue(self, ticket: str, at: datetime | None, options: Mapping[str, Any]) -> None:
        self._defer(self._app.job_manager if self._alias is None else _jobs_in_django(self._alias), ticket, at, options)

    def write(self, store: Store, ticket: str, at: datetime | None, options: Mapping[str, Any]) -> None:
        # In a worker, the app of a Django project has another connector, with a pool that commits by itself.
        jobs = JobManager(_OnStore(store)) if self._alias is None else _jobs_in_django(self._alias)
        self._defer(jobs, ticket, at, options)

    def _defer(self, jobs: JobManager, ticket: str, at: datetime | None, options: Mapping[str, Any]) -> None:
        named: Any = {**self._options, **_checked(options)}
        job = configure_task(name=f"{NAMESPACE}:perform_step", job_manager=jobs, schedule_at=at, **named)
        job.defer(ticket=ticket)


class _OnStore(BaseConnector):
    """Runs the statement that makes jobs where the statements of a store run.

    (Procrastinate's own connectors run it on a pool of theirs, or on a connection of psycopg's alone.)
    """

    def __init__(self, store: Any) -> None:
        self._database = store.database

    def get_sync_connector(self) -> BaseConnector:
        return self

    def execute_query_all(self, query: LiteralString, **arguments: Any) -> list[dict[str, Any]]:
        (job,) = arguments["jobs"]
        row = f"ARRAY[ROW({', '.join(['%s'] * len(job))})]"
        values = [json.dumps(value) if isinstance(value, dict) else value for value in job]
        return [{"id": id} for (id,) in self._database.execute(query.replace("%(jobs)s", row), values)]


def _checked(options: Mapping[str, Any]) -> Mapping[str, Any]:
    check_options("Procrastinate has", options, OPTIONS)
    return options


def _is_cron(text: object) -> bool:
    return isinstance(text, str) and bool(croniter.is_valid(text))


def _is_on_postgresql(store: Store) -> bool:
    database = getattr(store, "database", None)  # one in memory has none
    return database is not None and database.dialect.name == "postgresql"


# --------------------------------------------------------------------------------------------------------- in Django


def _app_of_django() -> procrastinate.App:
    from procrastinate.contrib.django import app

    return app


def _alias_in_django(app: object) -> str | None:
    """The database of Procrastinate's Django app, if it is that."""
    if not type(app).__module__.startswith("procrastinate.contrib.django."):
        return None
    from procrastinate.contrib.django.settings import settings

    return settings.DATABASE_ALIAS


def _jobs_in_django(alias: str) -> JobManager:
    from procrastinate.contrib.django.django_connector import DjangoConnector

    return JobManager(DjangoConnector(alias))
