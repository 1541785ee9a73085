"""Tickets through RQ, on Redis.

    ForwardScheduler(RQQueue(Queue(connection=Redis())))

The job is a function that workers import by its name, `stepper_motor.queues.rq.perform_step`. A worker needs the module
that makes the motor (in Django: `django.setup()`), and the option `--with-scheduler`, without which RQ enqueues nothing
that is for later. Periodic: `stepper_motor.queues.rq.sweep`, which `rq cron` enqueues.

What waits is in a sorted set of Redis. A Redis that is emptied has forgotten it, and the sweep hands it over anew; the
horizon of seven days keeps that set small.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from rq import Queue
from rq.exceptions import TimeoutFormatError
from rq.utils import parse_timeout

from stepper_motor.journeys.durations import Duration
from stepper_motor.motor import receiving
from stepper_motor.motor.ports import Store
from stepper_motor.motor.queue_options import (
    DICTIONARY,
    NAME,
    WHOLE_NUMBER,
    YES_OR_NO,
    Kinds,
    check_kind,
    check_options,
)
from stepper_motor.motor.schedulers import horizon_of

OPTIONS: Mapping[str, Kinds] = {
    "queue": NAME,
    "at_front": YES_OR_NO,
    "job_timeout": (int, str),
    "failure_ttl": WHOLE_NUMBER,
    "meta": DICTIONARY,
}
"""Of a class's and a step's `queue_options`: as `enqueue` has them, and `queue`, the name of another queue of the same
Redis. (No `ttl`: a job that expires in the queue is a lost ticket, which the sweep would hand over again and again.)"""
NO_LIMIT = -1
"""Of RQ's `job_timeout`. A limit interrupts whatever runs just then, the motor as well as a step."""
A_SECOND = timedelta(seconds=1)


def perform_step(ticket: str) -> None:
    """Perform the step that a ticket is for."""
    receiving.perform_ticket(ticket)


def sweep() -> None:
    """Recover, hand over and delete: have `rq cron` enqueue it every few seconds."""
    receiving.sweep()


class RQQueue:
    """Hands tickets to RQ.

    Args:
        queue: where they go, if their queue options name no other. It is not asked for anything yet.
        max_delay: its horizon.
        options: for every ticket, as `enqueue` has them; a class's and a step's `queue_options` come over them.

    Raises:
        ValueError: it has no such option.
        TypeError: `queue` is none of RQ's.
    """

    def __init__(self, queue: Queue, /, *, max_delay: Duration = timedelta(days=7), **options: Any) -> None:
        self.max_delay = horizon_of(max_delay)
        check_kind("queue", queue, Queue, "a queue of RQ's, such as Queue('default', connection=redis)")
        self._queue = queue
        self._options = _checked(options)

    @property
    def is_eager(self) -> bool:
        return not self._queue.is_async

    def check(self, options: Mapping[str, Any]) -> None:
        """See `ParticularQueue`."""
        _checked(options)

    def commits_with(self, store: Store) -> bool:
        return False

    def enqueue(self, ticket: str, at: datetime | None, options: Mapping[str, Any]) -> None:
        told = {"job_timeout": NO_LIMIT, **self._options, **_checked(options)}
        queue = self._named(told.pop("queue", self._queue.name))
        if at is None:
            queue.enqueue(perform_step, ticket, result_ttl=0, **told)
        else:
            queue.enqueue_at(_rounded_up(at), perform_step, ticket, result_ttl=0, **told)

    def _named(self, name: str) -> Queue:
        """The queue of this name: like the one that was given, in the same Redis."""
        given = self._queue
        if name == given.name:
            return given
        return type(given)(
            name, connection=given.connection, is_async=given.is_async,
            job_class=given.job_class, serializer=given.serializer,
        )  # fmt: skip


def _checked(options: Mapping[str, Any]) -> Mapping[str, Any]:
    if "job_timeout" in options and not _is_timeout(options["job_timeout"]):
        given = options["job_timeout"]
        raise ValueError(f"job_timeout must be a number of seconds, or one with a unit such as '10m', got {given!r}")
    check_options("RQ has", options, OPTIONS)
    return options


def _is_timeout(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return False
    try:
        return bool(parse_timeout(value))
    except TimeoutFormatError:
        return False


def _rounded_up(at: datetime) -> datetime:
    """RQ counts whole seconds, and drops what is over."""
    return at if at.microsecond == 0 else at.replace(microsecond=0) + A_SECOND
