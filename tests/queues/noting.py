"""What every process of these tests writes into the diary: tickets as they are handed over, and what happened.

<id> ticket <fence>             a ticket was handed to the queue
<id> event <name> <detail>      something happened in a worker process
queue reported <error>          the job system saw an exception, and would have told an error tracker
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast

from django.utils.module_loading import import_string

from stepper_motor.motor.events import Event
from stepper_motor.motor.ports import Store
from stepper_motor.motor.schedulers import ForwardScheduler, Queue, QueueOfRows
from stepper_motor.motor.ticket import Ticket
from tests.worker import diary

QUEUE = "STEPPER_MOTOR_TEST_QUEUE"
"""The environment variable with the dotted path of the queue, or of what makes it, in a worker process."""
WITHOUT_RERAISE = "STEPPER_MOTOR_TEST_WITHOUT_RERAISE"


class NotedQueue:
    """A queue whose tickets are noted as they are handed over; it can be made to lose them."""

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        self.loses = False

    @property
    def max_delay(self) -> timedelta | None:
        return self.queue.max_delay

    @property
    def is_eager(self) -> bool:
        return self.queue.is_eager

    def commits_with(self, store: Store) -> bool:
        return self.queue.commits_with(store)

    def enqueue(self, ticket: str, at: datetime | None, options: Mapping[str, Any]) -> None:
        self._hand_over(self.queue.enqueue, ticket, at, options)

    def write(self, store: Store, ticket: str, at: datetime | None, options: Mapping[str, Any]) -> None:
        """Of a queue whose jobs are rows."""
        self._hand_over(partial(cast(QueueOfRows, self.queue).write, store), ticket, at, options)

    def _hand_over(self, enqueue: Callable[..., None], ticket: str, *told: Any) -> None:
        if not self.loses:
            enqueue(ticket, *told)
            read = Ticket.read(ticket)
            diary.write(read.id, f"ticket {read.fence}")

    @contextmanager
    def losing(self):
        """Within the block tickets are lost."""
        self.loses = True
        try:
            yield
        finally:
            self.loses = False


def scheduler() -> ForwardScheduler:
    """That of a worker process. It reraises, as apps with an error tracker in their queue ask it to."""
    found = import_string(os.environ[QUEUE])
    return ForwardScheduler(
        NotedQueue(found() if callable(found) else found), reraise=WITHOUT_RERAISE not in os.environ
    )


def note_event(event: Event) -> None:
    diary.write(event.journey_id, f"event {event.name} {event.detail or ''}")


def report(error: BaseException) -> None:
    """For the place where the job system tells an error tracker of a job that failed."""
    diary.write("queue", f"reported {type(error).__name__}: {error}")


def tickets(journey: Any) -> list[str]:
    """The fences of the tickets that were handed over for this journey, by whatever process."""
    return [word.partition(" ")[2] for word in diary.words(journey.pk) if word.startswith("ticket ")]


def events(journey_id: object, name: str) -> list[str]:
    """What was said about this journey's events of that name; `None` for tickets that named none."""
    start = f"event {name} "
    return [word.removeprefix(start) for word in diary.words(str(journey_id)) if word.startswith(start)]


def reported() -> list[str]:
    """What the job system reported."""
    return [word.removeprefix("reported ") for word in diary.words("queue")]


def bodies(journey: Any) -> list[str]:
    """What the steps of this journey wrote."""
    return [word for word in diary.words(journey.pk) if not word.startswith(("ticket ", "event "))]
