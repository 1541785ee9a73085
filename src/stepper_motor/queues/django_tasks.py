"""Tickets through Django's own task framework, `django.tasks`, or its backport `django_tasks` for Django before 6.

    ForwardScheduler(DjangoTasksQueue())

Which job system that is, `TASKS` in the project's settings says. A ticket for django-tasks-db is a row: it is committed
or rolled back with the journey, if both are in one database.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import router

from stepper_motor.journeys.durations import Duration
from stepper_motor.motor import receiving
from stepper_motor.motor.ports import Store
from stepper_motor.motor.queue_options import NAME, WHOLE_NUMBER, Kinds, check_kind, check_options
from stepper_motor.motor.schedulers import horizon_of

try:
    from django.tasks import DEFAULT_TASK_BACKEND_ALIAS, DEFAULT_TASK_QUEUE_NAME, task, task_backends
except ImportError:  # Django 5.2
    from django_tasks import (  # type: ignore[assignment,no-redef]
        DEFAULT_TASK_BACKEND_ALIAS,
        DEFAULT_TASK_QUEUE_NAME,
        task,
        task_backends,
    )

OPTIONS = {"queue": "queue_name", "queue_name": "queue_name", "priority": "priority"}
"""Of a class's and a step's `queue_options`: what `using()` of a task calls them."""
KINDS: Mapping[str, Kinds] = {"queue": NAME, "queue_name": NAME, "priority": WHOLE_NUMBER}
HORIZON = timedelta(hours=1)
"""The worker of django-tasks-db reads past all that waits before it finds what is due, so what is far ahead is left on
the journey's row."""


def _declared(function: Callable[[str], None]) -> Any:
    """A task, of some backend and queue that this project has: `using()` names the right ones when it is enqueued.

    (A task is refused when it is declared, and when a worker imports it, if there is no such backend or queue.)
    """
    aliases = list(task_backends.settings)
    alias = DEFAULT_TASK_BACKEND_ALIAS if DEFAULT_TASK_BACKEND_ALIAS in aliases else aliases[0]
    queues = task_backends[alias].queues or {DEFAULT_TASK_QUEUE_NAME}  # no queues: any name will do
    queue_name = DEFAULT_TASK_QUEUE_NAME if DEFAULT_TASK_QUEUE_NAME in queues else min(queues)
    return task(backend=alias, queue_name=queue_name)(function)


@_declared
def perform_step(ticket: str) -> None:
    """Perform the step that a ticket is for."""
    receiving.perform_ticket(ticket)


class DjangoTasksQueue:
    """Hands tickets to a backend of Django's tasks.

    Args:
        backend: its alias in `TASKS`.
        max_delay: its horizon; None: as far as you like. A backend that can't defer gets what is due, and no more.
        options: `queue_name` (or `queue`) and `priority` of every ticket; a class's and a step's `queue_options` come
            over them.

    Raises:
        ValueError: it has no such option.
        TypeError: `backend` is no alias.
    """

    def __init__(
        self, backend: str = DEFAULT_TASK_BACKEND_ALIAS, *, max_delay: Duration | None = HORIZON, **options: Any
    ) -> None:
        check_kind("backend", backend, str, "the alias of a backend in TASKS")
        self._alias = backend
        self._max_delay = horizon_of(max_delay, endless=True)
        self._options = _named(options)

    @property
    def _backend(self) -> Any:
        return task_backends[self._alias]

    @property
    def max_delay(self) -> timedelta | None:
        return self._max_delay if self._backend.supports_defer else timedelta()

    @property
    def is_eager(self) -> bool:
        """Django's ImmediateBackend performs a job within `enqueue`, and so within the app's transaction."""
        return any(cls.__name__ == "ImmediateBackend" for cls in type(self._backend).__mro__)

    def check(self, options: Mapping[str, Any]) -> None:
        """See `ParticularQueue`."""
        self._task(None, options)

    def commits_with(self, store: Store) -> bool:
        if not _is_in_a_table(self._backend):
            return False
        from django_tasks_db.models import DBTaskResult

        return getattr(store, "alias", None) == router.db_for_write(DBTaskResult)

    def enqueue(self, ticket: str, at: datetime | None, options: Mapping[str, Any]) -> None:
        self._task(at, options).enqueue(ticket)

    def write(self, store: Store, ticket: str, at: datetime | None, options: Mapping[str, Any]) -> None:
        self.enqueue(ticket, at, options)  # on Django's connection of this thread, which is the store's

    def _task(self, at: datetime | None, options: Mapping[str, Any]) -> Any:
        named = {**self._options, **_named(options)}
        try:
            return perform_step.using(backend=self._alias, run_after=at, **named)
        except Exception as error:  # each framework, and each backend, has errors of its own for what it does not take
            told = "".join(f", {name}={value!r}" for name, value in named.items())
            raise ValueError(f"Django's tasks refuse a ticket for backend={self._alias!r}{told}: {error}") from error


def _named(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options by the names that `using()` has for them."""
    check_options("Django's tasks have", options, KINDS)
    if "queue" in options and "queue_name" in options:
        raise ValueError("queue and queue_name are the same queue option: give one of them")
    return {OPTIONS[name]: value for name, value in options.items()}


def _is_in_a_table(backend: object) -> bool:
    """Whether it is that of django-tasks-db, or one derived from it."""
    return any(cls.__module__ == "django_tasks_db.backend" for cls in type(backend).__mro__)
