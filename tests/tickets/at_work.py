"""What the processes of a queue do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from stepper_motor.motor.housekeeping import Housekeeper
from tests.home import in_transaction, motor, on_its_own, put_behind
from tests.tickets.keeping import Job

T = TypeVar("T")
LIMIT = 20.0
"""Seconds a test waits for a thread."""


def perform(job: Job | str) -> Any:
    """A worker of the queue takes a job."""
    text = job if isinstance(job, str) else job.text
    return apart(lambda: motor().perform_ticket(text))


def apart(function: Callable[[], T]) -> T:
    """What `function` gives in a thread that has a connection of its own; what it raises is raised here."""

    def called() -> T:
        try:
            return function()
        finally:
            for store in motor().stores:
                store.close()

    with ThreadPoolExecutor(1) as process:
        return process.submit(called).result(LIMIT)


def sweep() -> int:
    """A round of the sweep; returns how many tickets it handed over."""
    return Housekeeper(motor()).sweep()


@contextmanager
def locked(journey: Any) -> Iterator[None]:
    """Within the block, a transaction of the app's has the journey's row."""
    has, release = threading.Event(), threading.Event()

    def hold() -> None:
        with in_transaction():
            put_behind(journey, reason="in use")
            has.set()
            release.wait(LIMIT)

    thread = threading.Thread(target=lambda: on_its_own(hold))
    thread.start()
    try:
        assert has.wait(LIMIT), "the row could not be locked"
        yield
    finally:
        release.set()
        thread.join(LIMIT)
