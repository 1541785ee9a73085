"""The Django home keeps what the ports promise, on each database."""

from __future__ import annotations

import pytest

from stepper_motor.testing.store_contract import StoreContract, StoreHome
from tests.stores.django_home import DjangoHome

APPS = ["stepper_motor.django", "tests.shop"]
"""Only their tables are emptied after each test: that saves half of the time."""
pytestmark = pytest.mark.django_db(transaction=True, available_apps=APPS)


class TestDjango(StoreContract):
    @pytest.fixture
    def home(self, django_home: DjangoHome) -> StoreHome:
        return django_home
