"""A clock that stands still until a test moves it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from stepper_motor.motor.clock import SetClock, installing

NOON = datetime(2030, 1, 10, 12, tzinfo=UTC)
"""Where the clock stands when a test begins."""
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
FAR_AHEAD = datetime(2099, 1, 1, tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[SetClock]:
    with installing(SetClock(NOON)) as clock:
        yield clock
