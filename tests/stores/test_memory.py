"""The memory home keeps what the ports promise."""

from __future__ import annotations

import pytest

from stepper_motor.testing.store_contract import StoreContract, StoreHome
from tests.stores.memory_home import MemoryHome

pytestmark = pytest.mark.pure


class TestMemory(StoreContract):
    @pytest.fixture
    def home(self) -> StoreHome:
        return MemoryHome()
