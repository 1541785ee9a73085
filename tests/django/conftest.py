"""What the tests of the Django home share: a clock that stands still until it is moved, and a hero."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from stepper_motor.motor.clock import SetClock, installing
from tests.shop.models import Customer

NOON = datetime(2030, 1, 10, 12, tzinfo=UTC)
"""Where the clock stands when a test begins."""


@pytest.fixture
def clock():
    with installing(SetClock(NOON)) as clock:
        yield clock


@pytest.fixture
def customer():
    return Customer.objects.create(name="Ada")
