"""The library's one clock. Everything asks it; tests and demonstrations set it.

While the system's clock is installed, leases and due times are compared by the database's time, so that hosts whose
clocks differ agree. A clock that was set replaces the database's time too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time, in UTC and aware."""

    @property
    def speed(self) -> float:
        """Seconds of the clock in one real second. Leases and polling are real time, waits are the clock's."""

    @property
    def replaces_database(self) -> bool:
        """Whether the database's own time must not be asked."""

    def now(self) -> datetime: ...


class SystemClock:
    """The time of this machine."""

    speed = 1.0
    replaces_database = False

    def now(self) -> datetime:
        return datetime.now(UTC)


class SetClock:
    """Stands still where it was set, until it is moved. For tests."""

    speed = 1.0
    replaces_database = True

    def __init__(self, at: datetime) -> None:
        self.at = _aware(at)

    def now(self) -> datetime:
        return self.at

    def move(self, by: timedelta) -> None:
        self.at += by

    def set(self, at: datetime) -> None:
        self.at = _aware(at)


class FastClock:
    """Runs `speed` times as fast as real time from `origin` on. For demonstrations and rehearsals.

    Processes that are given the same origin and speed agree on the time.
    """

    replaces_database = True

    def __init__(self, speed: float, origin: datetime) -> None:
        if speed <= 0:
            raise ValueError(f"speed must be positive, got {speed!r}")
        self.speed = float(speed)
        self.origin = _aware(origin)

    def now(self) -> datetime:
        return self.origin + (datetime.now(UTC) - self.origin) * self.speed


def _aware(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError(f"the clock needs an aware datetime, got the naive {at!r}")
    return at.astimezone(UTC)


_installed: Clock = SystemClock()


def installed() -> Clock:
    """The clock the library asks now."""
    return _installed


def install(clock: Clock) -> Clock:
    """Make this the library's clock; returns the one before."""
    global _installed
    before, _installed = _installed, clock
    return before


@contextmanager
def installing(clock: Clock) -> Iterator[Clock]:
    """The library's clock within the block; the one before returns afterwards, whatever happens."""
    before = install(clock)
    try:
        yield clock
    finally:
        install(before)


def now() -> datetime:
    """The library's time: aware, in UTC. Use it in `at` callables, so that tests can move it."""
    return _installed.now()
