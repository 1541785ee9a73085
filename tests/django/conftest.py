"""What the tests of the Django home share: a clock that stands still until it is moved, and a hero."""

from __future__ import annotations

import pytest

from tests.clock import NOON, clock  # noqa: F401  # NOON is for the tests, clock is a fixture
from tests.home.django import forget_journeys_of_a_test
from tests.shop.models import Customer


@pytest.fixture(autouse=True)
def _forget_the_journeys_of_a_test():
    yield
    forget_journeys_of_a_test()


@pytest.fixture
def customer():
    return Customer.objects.create(name="Ada")
