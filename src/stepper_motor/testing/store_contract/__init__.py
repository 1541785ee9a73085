"""One suite that every store must pass: what `motor/ports.py` promises, test by test.

Whoever writes a store derives a test class from `StoreContract` and gives it a `home` fixture:

    class TestMyStore(StoreContract):
        @pytest.fixture
        def home(self) -> StoreHome:
            return MyHome()

`StoreHome` says what a home has to be able to do for the tests. Each test begins with an empty table, and with a clock
that stands still. Several threads write at once, so no test may run inside a transaction that is rolled back at its
end. The manual's page is docs/stores.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

for _module in (
    "table", "claiming", "settling", "holding", "housekeeping", "handing", "loading", "changing", "transactions",
):  # fmt: skip
    pytest.register_assert_rewrite(f"{__name__}.{_module}")

from stepper_motor.motor.clock import SetClock, installing  # noqa: E402
from stepper_motor.testing.store_contract.changing import Changing  # noqa: E402
from stepper_motor.testing.store_contract.claiming import Claiming  # noqa: E402
from stepper_motor.testing.store_contract.handing import HandingOver  # noqa: E402
from stepper_motor.testing.store_contract.holding import KeepingHold  # noqa: E402
from stepper_motor.testing.store_contract.home import StoreHome  # noqa: E402
from stepper_motor.testing.store_contract.housekeeping import KeepingHouse, Looking  # noqa: E402
from stepper_motor.testing.store_contract.loading import Loading  # noqa: E402
from stepper_motor.testing.store_contract.settling import Settling  # noqa: E402
from stepper_motor.testing.store_contract.table import Table  # noqa: E402
from stepper_motor.testing.store_contract.transactions import Transactions  # noqa: E402

__all__ = ["StoreContract", "StoreHome"]

NOON = datetime(2030, 1, 10, 12, tzinfo=UTC)
"""Where the clock stands when a test begins."""


class StoreContract(
    Claiming, Settling, KeepingHold, KeepingHouse, Looking, HandingOver, Loading, Changing, Transactions
):
    """Everything a store must do. Derive from it, and give it a `home`."""

    @pytest.fixture
    def home(self) -> StoreHome:
        """The home whose store is tried, with an empty table."""
        raise NotImplementedError(f"{type(self).__name__} needs a fixture `home`, which gives a StoreHome")

    @pytest.fixture(autouse=True)
    def clock(self) -> Iterator[SetClock]:
        """The library's clock, standing still."""
        clock = SetClock(NOON)
        with installing(clock):
            yield clock

    @pytest.fixture
    def table(self, home: StoreHome, clock: SetClock) -> Table:
        """The home's table, and a class of three steps in it."""
        return Table(home)

    @pytest.fixture
    def row_locks(self, home: StoreHome) -> None:
        """For tests in which one transaction has a row, and another writes a second one."""
        if home.has_one_writer:
            pytest.skip("the database has one writer: a row can't be locked while others write")
