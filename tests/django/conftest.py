"""What the tests of the Django home share: a clock that stands still until it is moved, and a hero."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.apps import apps

from stepper_motor.django.metaclass import roots
from stepper_motor.motor.clock import SetClock, installing
from tests.shop.models import Customer

NOON = datetime(2030, 1, 10, 12, tzinfo=UTC)
"""Where the clock stands when a test begins."""


@pytest.fixture
def clock():
    with installing(SetClock(NOON)) as clock:
        yield clock


@pytest.fixture(autouse=True)
def _forget_the_journeys_of_a_test():
    """Classes that a test defines for itself go with it: their names may come again, in any module."""
    yield
    for root in roots:
        for cls in root.registry:
            if "<locals>" in cls.__qualname__:
                root.registry.remove(cls)
                apps.all_models[cls._meta.app_label].pop(cls._meta.model_name, None)


@pytest.fixture
def customer():
    return Customer.objects.create(name="Ada")
