"""Tickets through Celery.

    ForwardScheduler(CeleryQueue())

The tasks are shared ones, so every Celery app of the process has them: a worker needs the module imported (in Django,
`app.autodiscover_tasks()` does that; elsewhere the module that makes the motor). Periodic: `stepper_motor.sweep`.

Celery keeps a task with an ETA in the memory of a worker, and lets brokers hand it out again when that takes long; so
the horizon is ten minutes, whatever the broker.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from celery import Celery, current_app, shared_task
from celery.exceptions import QueueNotFound
from celery.signals import worker_init

from stepper_motor.journeys.durations import Duration
from stepper_motor.journeys.errors import DefinitionError
from stepper_motor.motor import receiving
from stepper_motor.motor.ports import Store
from stepper_motor.motor.queue_options import (
    DICTIONARY,
    NAME,
    NUMBER,
    WHOLE_NUMBER,
    Kinds,
    check_kind,
    check_options,
    check_priority,
)
from stepper_motor.motor.schedulers import horizon_of

OPTIONS: Mapping[str, Kinds] = {
    "queue": NAME,
    "priority": WHOLE_NUMBER,
    "exchange": NAME,
    "routing_key": NAME,
    "headers": DICTIONARY,
    "time_limit": NUMBER,
    "soft_time_limit": NUMBER,
}
"""Of a class's and a step's `queue_options`: as `apply_async` has them. (No `expires`: a task that expires is a lost
ticket, which the sweep would hand over again and again.)"""
SWEEP_EXPIRES = 60
"""Seconds after which a sweep that no worker came to run is dropped: others have been asked for since."""


@shared_task(
    name="stepper_motor.perform_step",
    acks_late=True,  # a worker that dies leaves the ticket to another
    reject_on_worker_lost=True,  # where it finds a journey that is held: no ticket can kill one worker after another
    ignore_result=True,
)
def perform_step(ticket: str) -> None:
    """Perform the step that a ticket is for."""
    receiving.perform_ticket(ticket)


@shared_task(name="stepper_motor.sweep", ignore_result=True, expires=SWEEP_EXPIRES)
def sweep() -> None:
    """Recover, hand over and delete: have Celery beat run it every few seconds."""
    receiving.sweep()


@worker_init.connect
def _refuse_to_start(**_: Any) -> None:
    """A worker whose settings are wrong must take no tickets: it would fail them all, and each wait for the sweep."""
    try:
        receiving.check()
    except DefinitionError as error:
        raise SystemExit(f"stepper_motor: {error}") from error  # which Celery's signals let pass, unlike an exception


class CeleryQueue:
    """Hands tickets to Celery.

    Args:
        app: the Celery app; the process's current one if not given.
        max_delay: its horizon.
        options: for every ticket, as `apply_async` has them; a class's and a step's `queue_options` come over them.

    Raises:
        ValueError: it has no such option.
        TypeError: `app` is no Celery app.
    """

    def __init__(
        self, app: Celery | None = None, /, *, max_delay: Duration = timedelta(minutes=10), **options: Any
    ) -> None:
        self.max_delay = horizon_of(max_delay)
        if app is not None:
            check_kind("app", app, Celery, "a Celery app")
        self._given_app = app
        self._options = _checked(options)

    @property
    def is_eager(self) -> bool:
        return bool(self._app.conf.task_always_eager)

    def check(self, options: Mapping[str, Any]) -> None:
        """See `ParticularQueue`."""
        _checked(options)

    def commits_with(self, store: Store) -> bool:
        return False

    def enqueue(self, ticket: str, at: datetime | None, options: Mapping[str, Any]) -> None:
        task = self._app.tasks[perform_step.name]
        try:
            task.apply_async((ticket,), eta=at, **{**self._options, **_checked(options)})
        except QueueNotFound as error:  # where the app's `task_create_missing_queues` is off
            raise ValueError(str(error)) from error

    @property
    def _app(self) -> Celery:
        return self._given_app or current_app


def _checked(options: Mapping[str, Any]) -> Mapping[str, Any]:
    check_options("Celery has", options, OPTIONS)
    check_priority(options)
    if "headers" in options and not _is_json(options["headers"]):
        raise ValueError(f"headers must have texts for names, and values that are JSON, got {options['headers']!r}")
    return options


def _is_json(headers: Mapping[Any, Any]) -> bool:
    try:
        return set(json.loads(json.dumps(headers))) == set(headers)
    except (TypeError, ValueError):
        return False
