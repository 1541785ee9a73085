"""Moving the library's clock within a test."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import TracebackType

from stepper_motor.motor import clock
from stepper_motor.motor.clock import SetClock

When = datetime | timedelta | int | float
"""A moment: an aware datetime, or how far it is from now (a timedelta or seconds; negative: ago)."""


class Travel:
    """The library's clock, moved and standing still, until `back()` or the end of the `with` block."""

    def __init__(self, to: When) -> None:
        moment = moment_of(to)
        self._before = clock.installed()
        self._before_at = self._before.at if isinstance(self._before, SetClock) else None
        # A clock that stands already is moved, not replaced: a test may hold it in its hands.
        self.clock = self._before if isinstance(self._before, SetClock) else SetClock(moment)
        self.clock.set(moment)
        clock.install(self.clock)

    def back(self) -> None:
        """The clock, and the time it showed, as they were before."""
        clock.install(self._before)
        if self._before_at is not None:
            self.clock.set(self._before_at)

    def __enter__(self) -> SetClock:
        return self.clock

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.back()


def travel(to: When) -> Travel:
    """Set the library's clock, which then stands still: for good, or for the length of a `with` block.

        with travel(timedelta(days=2)) as clock: ...    # the time before returns afterwards, whatever happens
        travel(timedelta(days=2))                       # stays; the pytest plugin goes back after the test
        self.enterContext(travel(timedelta(days=2)))    # stays until the end of a unittest test

    Args:
        to: an aware datetime, or how far to go from now: a timedelta or seconds. Negative ones go back.

    Raises:
        ValueError: a datetime without a time zone. The clock was not touched.
        TypeError: anything else. The clock was not touched.
    """
    return Travel(to)


def moment_of(when: When) -> datetime:
    """The moment that is meant, by the library's clock."""
    if isinstance(when, datetime):
        if when.tzinfo is None:
            raise ValueError(f"a moment needs a time zone, got the naive {when!r}: add tzinfo=UTC")
        return when
    if isinstance(when, int | float) and not isinstance(when, bool):
        when = timedelta(seconds=when)
    if not isinstance(when, timedelta):
        raise TypeError(f"when must be an aware datetime, a timedelta or a number of seconds, got {when!r}")
    return clock.now() + when
