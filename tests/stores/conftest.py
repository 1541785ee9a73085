"""The homes whose stores are tried."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.stores.django_home import DjangoHome

if TYPE_CHECKING:
    from tests.stores.sqlalchemy_home import SqlAlchemyHome


@pytest.fixture
def django_home(transactional_db: None) -> Iterator[DjangoHome]:
    """Everything is committed; afterwards the tables are empty again."""
    home = DjangoHome()
    yield home
    home.clear()


@pytest.fixture(scope="session")
def sqlalchemy_engine() -> Iterator[Any]:
    """On a database for all tests of this folder, with its tables."""
    pytest.importorskip("sqlalchemy")
    from tests.sqlalchemy.app import engine
    from tests.stores.sqlalchemy_home import NAME, Base

    with engine(NAME) as made:
        Base.metadata.create_all(made)
        yield made


@pytest.fixture(params=["sync", "async"])
def sqlalchemy_home(request: Any, sqlalchemy_engine: Any) -> Iterator[SqlAlchemyHome]:
    """The same, in SQLAlchemy."""
    from tests.stores.sqlalchemy_home import AsyncSqlAlchemyHome, SqlAlchemyHome

    home = (AsyncSqlAlchemyHome if request.param == "async" else SqlAlchemyHome)(sqlalchemy_engine)
    yield home
    home.clear()
