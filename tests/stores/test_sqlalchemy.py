"""The SQLAlchemy home keeps what the ports promise, sync and async, on each database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stepper_motor.testing.store_contract import StoreContract, StoreHome

if TYPE_CHECKING:
    from tests.stores.sqlalchemy_home import SqlAlchemyHome


class TestSqlAlchemy(StoreContract):
    @pytest.fixture
    def home(self, sqlalchemy_home: SqlAlchemyHome) -> StoreHome:
        return sqlalchemy_home
