"""What the tests with worker processes share: the database of the service, and its processes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, NullPool, create_engine
from sqlalchemy.orm import sessionmaker

from stepper_motor.sqlalchemy import sqlite
from tests.sqlalchemy import service
from tests.sqlalchemy.app import SYNC, database, url
from tests.sqlalchemy.crew import Desk, Workers
from tests.sqlalchemy.errands import Base
from tests.worker import diary
from tests.worker.processes import Crew


@pytest.fixture(scope="session")
def service_database() -> Iterator[Engine]:
    """The database of the service, with its tables."""
    with database(service.NAME):
        engine = create_engine(url(SYNC, service.NAME), poolclass=NullPool)
        sqlite.configure(engine)
        Base.metadata.create_all(engine)
        yield engine


@pytest.fixture
def sessions(service_database):
    """Makes sessions of the test's own; what was written is gone afterwards."""
    yield sessionmaker(service_database, expire_on_commit=False)
    with service_database.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(table.delete())


@pytest.fixture
def desk(sessions):
    """Where the test starts journeys and looks at them."""
    desk = Desk(sessions)
    yield desk
    desk.close()


@pytest.fixture(params=["sync", "async"])
def driver(request):
    """Of the worker processes."""
    return request.param


@pytest.fixture
def diary_folder(tmp_path, monkeypatch):
    monkeypatch.setenv(diary.FOLDER, str(tmp_path))
    return tmp_path


@pytest.fixture
def workers(sessions, diary_folder, driver):
    """Starts worker processes of the service; none outlives the test."""
    crew = Crew(diary_folder)
    yield Workers(crew, {service.DRIVER: driver})
    crew.end()
