"""What the tests of the helpers share: the plugin's own clock, set to a New Year's morning, and a hero."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.shop.models import Customer

NEW_YEAR = datetime(2030, 1, 1, 9, 0, tzinfo=UTC)


@pytest.fixture
def clock(journey_clock):
    journey_clock.set(NEW_YEAR)
    return journey_clock


@pytest.fixture
def customer():
    return Customer.objects.create(name="Ada", email="ada@example.com")
