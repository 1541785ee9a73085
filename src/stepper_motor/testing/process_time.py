"""For tests that move the time of the whole process (time-machine, freezegun) rather than the library's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from time import monotonic

from stepper_motor.motor.clock import SystemClock

TOLERANCE = timedelta(seconds=1)


class ProcessClock(SystemClock):
    """The time of this machine; and while somebody has moved it, no longer the database's.

    A tool that moves the time of a process can't move that of the database server, by which due times and leases are
    compared. It is noticed by what it leaves alone: the real seconds that pass.
    """

    def __init__(self) -> None:
        self._offset = self._distance()

    @property
    def replaces_database(self) -> bool:  # type: ignore[override]  # elsewhere it is a constant
        return abs(self._distance() - self._offset) > TOLERANCE

    @staticmethod
    def _distance() -> timedelta:
        return datetime.now(UTC) - datetime.min.replace(tzinfo=UTC) - timedelta(seconds=monotonic())


process_clock = ProcessClock()
"""Under Django's own test runner: `STEPPER_MOTOR = {"CLOCK": "stepper_motor.testing.process_clock"}`."""
