"""Workers inside the test's own process, and what they ask the database."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections, transaction
from django.db.backends.signals import connection_created

from stepper_motor.django.engine import motor
from stepper_motor.django.metaclass import roots
from stepper_motor.django.store import DjangoStore
from stepper_motor.motor.events import Event
from stepper_motor.motor.motor import Motor
from stepper_motor.motor.settings import Settings
from stepper_motor.motor.worker import Worker
from tests import databases
from tests.conditions import wait_until


def motor_of(*classes: Any, **settings: Any) -> Motor:
    """A motor that knows these journeys alone, with settings of its own."""
    few = {"concurrency": 1} if databases.chosen() == "sqlite" else {}
    made = motor().sibling(Settings(**{**few, **settings}))
    for root in roots:
        types = [cls.definition.type_name for cls in classes if cls._meta.concrete_model is root]
        if types:
            store = DjangoStore(root, "default", made.settings)
            store.registry = root.registry.only(types)
            made.join(store)
    return made


class Heard(list[Event]):
    """The events of a motor, within the block."""

    def __init__(self, motor: Motor) -> None:
        self._events = motor.events

    def __enter__(self) -> Heard:
        self._end = self._events.subscribe(self.append)
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def names(self) -> list[str]:
        return [event.name for event in self]

    def of(self, *names: str) -> list[Event]:
        return [event for event in self if event.name in names]


@contextmanager
def at_work(motor: Motor, **options: Any) -> Iterator[Worker]:
    """Within the block a worker works in a thread; afterwards it has stopped, and left nothing behind."""
    before = set(left_threads())
    worker = Worker(motor, **options)
    thread = threading.Thread(target=_run, args=(worker,))
    thread.start()
    try:
        yield worker
    finally:
        worker.stop()
        thread.join(60)
    assert not thread.is_alive()
    assert worker.held() == []
    wait_until(lambda: set(left_threads()) <= before, limit=5, what="no thread is left behind")


def run_once(motor: Motor, **options: Any) -> None:
    """Perform what is due, in a thread, so that the worker's connections are its own."""
    thread = threading.Thread(target=_run, args=(Worker(motor, **options), True))
    thread.start()
    thread.join(60)
    assert not thread.is_alive()


def _run(worker: Worker, once: bool = False) -> None:
    try:
        worker.run(once=once)
    finally:
        connections.close_all()


def left_threads() -> list[threading.Thread]:
    """Threads of the library, and those that asgiref made for it."""
    ours = ("stepper_motor", "ThreadPoolExecutor")
    return [thread for thread in threading.enumerate() if thread.name.startswith(ours)]


class Asked:
    """The statements and commits of every connection that is opened within the block."""

    def __enter__(self) -> Asked:
        self.connections: list[Any] = []
        connection_created.connect(self._opened)
        return self

    def __exit__(self, *_: object) -> None:
        connection_created.disconnect(self._opened)

    def _opened(self, connection: Any, **_: Any) -> None:
        connection.force_debug_cursor = True
        self.connections.append(connection)

    @property
    def statements(self) -> list[str]:
        return [query["sql"] for connection in self.connections for query in connection.queries_log if query["sql"]]

    def like(self, *words: str) -> list[str]:
        """Those in which all these words stand."""
        return [sql for sql in self.statements if all(word in sql for word in words)]

    @property
    def claims(self) -> int:
        """How many claims took something: what they took is read as whole objects."""
        return len([sql for sql in self.like("hero_type", "created_at") if sql.startswith("SELECT")])

    @property
    def commits(self) -> int:
        """Transactions that wrote something: those that were committed, and statements that were one of their own."""
        return sum(_commits([query["sql"] for query in connection.queries_log]) for connection in self.connections)


def _commits(statements: list[str]) -> int:
    count, inside, wrote = 0, False, False
    for sql in statements:
        if sql.startswith("BEGIN"):
            inside, wrote = True, False
        elif sql in ("COMMIT", "ROLLBACK"):
            count += wrote and sql == "COMMIT"
            inside = False
        elif sql.startswith(("UPDATE", "INSERT", "DELETE", "WITH")):
            wrote = True
            count += not inside
    return count


@contextmanager
def locked(journey: Any) -> Iterator[None]:
    """Within the block, a transaction of the app's own holds the journey's row."""
    has, release = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            type(journey).objects.select_for_update().get(pk=journey.pk)
            has.set()
            release.wait(60)
        connections.close_all()

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert has.wait(10)
        yield
    finally:
        release.set()
        thread.join(10)
