"""Journeys in several databases: a motor for each, or one motor with a table in each."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from stepper_motor import step
from stepper_motor.sqlalchemy import JourneyMixin, Motor, sqlite
from tests import databases
from tests.sqlalchemy.app import SYNC, database, url

NAMES = [f"{databases.name()}_north", f"{databases.name()}_south"]


class Base(DeclarativeBase):
    pass


class Journey(JourneyMixin, Base):
    pass


class Delivery(Journey):
    @step
    def deliver(self):
        self.data["delivered"] = True


class Parcel(JourneyMixin, Base):
    """A second table of journeys."""

    __tablename__ = "parcels"

    @step
    def send(self):
        self.data["sent"] = True


@pytest.fixture(scope="module")
def two_databases():
    with database(NAMES[0]), database(NAMES[1]):
        yield


@pytest.fixture
def engines(two_databases):
    engines = [create_engine(url(SYNC, name)) for name in NAMES]
    for engine in engines:
        sqlite.configure(engine)
        Base.metadata.create_all(engine)
    yield engines
    for engine in engines:
        Base.metadata.drop_all(engine)
        engine.dispose()


def states(engine, cls):
    with Session(engine) as session:
        return [str(state) for state in session.scalars(select(cls.state))]


def test_each_motor_moves_the_journeys_of_its_own_database(engines):
    north, south = (sessionmaker(engine, expire_on_commit=False) for engine in engines)
    motors = [Motor(north, journeys=Journey), Motor(south, journeys=Journey)]
    for sessions in (north, south):
        with sessions.begin() as session:
            Delivery.start(session)

    motors[1].worker().run(once=True)
    assert [states(engine, Journey) for engine in engines] == [["ready"], ["finished"]]

    with north() as session:
        delivery = session.scalars(select(Delivery)).one()
        session.commit()
        delivery.perform_next_step()
    assert [states(engine, Journey) for engine in engines] == [["finished"], ["finished"]]
    for motor in motors:
        motor.close()


def test_one_motor_moves_two_tables_in_two_databases(engines):
    sessions = sessionmaker(binds={Journey: engines[0], Parcel: engines[1]})
    motor = Motor(sessions, journeys=[Journey, Parcel])
    with sessions.begin() as session:
        Delivery.start(session)
        Parcel.start(session)
    motor.worker().run(once=True)

    assert [states(engines[0], Journey), states(engines[1], Parcel)] == [["finished"], ["finished"]]
    assert [states(engines[1], Journey), states(engines[0], Parcel)] == [[], []]
    motor.close()
