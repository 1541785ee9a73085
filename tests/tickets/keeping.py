"""Queues inside the test's process: they keep what they are given, and the test says what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from stepper_motor.motor.ports import Store
from stepper_motor.motor.ticket import Ticket


class Job(NamedTuple):
    """What the queue was given."""

    text: str
    at: datetime | None
    options: dict[str, Any]

    @property
    def ticket(self) -> Ticket:
        return Ticket.read(self.text)


class Unreachable(Exception):
    """What a queue's client raises when its broker is away."""


class KeepingQueue:
    """Keeps its jobs in `jobs`."""

    def __init__(self, max_delay: timedelta | None = None, *, is_eager: bool = False) -> None:
        self.max_delay = max_delay
        self.is_eager = is_eager
        self.jobs: list[Job] = []
        self.asked = 0
        """How often somebody tried to enqueue a job."""
        self.error: Exception | None = None
        """What it raises instead of keeping a job."""

    def commits_with(self, store: Store) -> bool:
        return False

    def enqueue(self, ticket: str, at: datetime | None, options: Mapping[str, Any]) -> None:
        self.asked += 1
        if self.error is not None:
            raise self.error
        self.jobs.append(Job(ticket, at, dict(options)))

    @contextmanager
    def away(self, error: Exception | None = None) -> Iterator[None]:
        """Within the block nobody reaches it."""
        self.error = error or Unreachable("no broker")
        try:
            yield
        finally:
            self.error = None

    @property
    def times(self) -> list[datetime | None]:
        """When each job is to be done; None: at once."""
        return [job.at for job in self.jobs]

    def take(self) -> list[Job]:
        """What it has been given since it was last asked."""
        taken, self.jobs = self.jobs, []
        return taken


class RowKeepingQueue(KeepingQueue):
    """One whose jobs are rows: it is given them inside the transaction of whoever has one open."""

    def __init__(self) -> None:
        super().__init__()
        self.inside: list[bool] = []
        """Of each job, whether it was written in a transaction of the caller's."""

    def commits_with(self, store: Store) -> bool:
        return True

    def write(self, store: Store, ticket: str, at: datetime | None, options: Mapping[str, Any]) -> None:
        self.enqueue(ticket, at, options)
        self.inside.append(store.in_transaction())
