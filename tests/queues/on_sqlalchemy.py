"""What the tests of job systems share that perform the journeys of a service with SQLAlchemy."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import NullPool, create_engine, select
from sqlalchemy.orm import sessionmaker

from stepper_motor.motor.housekeeping import Housekeeper
from stepper_motor.motor.worker import Every
from tests.sqlalchemy import service
from tests.sqlalchemy.app import SYNC, database, url
from tests.sqlalchemy.errands import Base, Journey

DONE = ["one", "two", "three"]
"""What a `Short` journey writes into the diary."""


@pytest.fixture(scope="module")
def sessions():
    """Those of the test's process, on the database of the service."""
    with database(service.NAME):
        engine = create_engine(url(SYNC, service.NAME), poolclass=NullPool)
        Base.metadata.create_all(engine)
        yield sessionmaker(engine, expire_on_commit=False)


def finished(sessions, *journeys):
    with sessions() as session:
        states = session.scalars(select(Journey.state).where(Journey.id.in_([journey.id for journey in journeys])))
        return set(map(str, states)) == {"finished"}


class Sweeping:
    """Sweeps once a second, for as long as somebody waits."""

    def __init__(self, motor):
        self._every = Every(timedelta(seconds=1))
        self._housekeeper = Housekeeper(motor)

    def __call__(self):
        if self._every.is_due():
            self._housekeeper.keep()
