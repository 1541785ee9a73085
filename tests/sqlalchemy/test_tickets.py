"""Tickets find their journey, whatever its table, its schema and its motor are called."""

from __future__ import annotations

import pytest
from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase, sessionmaker
from sqlalchemy.schema import CreateSchema

from stepper_motor import ForwardScheduler, State, step
from stepper_motor.motor import receiving
from stepper_motor.sqlalchemy import JourneyMixin, Motor
from tests.sqlalchemy.app import engine
from tests.tickets.keeping import KeepingQueue


def journeys_in(table: str, schema: str | None = None):
    """A base with one table of journeys, which go one step."""

    class Base(DeclarativeBase):
        metadata = MetaData(schema=schema)

    class Journey(JourneyMixin, Base):
        __tablename__ = table

    class Trip(Journey):
        type_name = f"trip in {schema}.{table}"

        @step
        def go(self): ...

    return Trip


@pytest.fixture
def database(monkeypatch):
    """The process has only the motors that a test makes."""
    monkeypatch.setattr(receiving, "_motors", type(receiving._motors)())
    monkeypatch.setattr(receiving, "_finders", [])
    with engine() as made:
        yield made


@pytest.fixture
def queue():
    return KeepingQueue()


def started(database, *classes):
    """A journey of each class, in the order given."""
    with sessionmaker(database, expire_on_commit=False)() as session:
        for cls in classes:
            cls.metadata.create_all(database)
        journeys = [cls.start(session) for cls in classes]
        session.commit()
    return journeys


def states(database, journeys):
    with sessionmaker(database)() as session:
        return [session.get(type(each), each.id).state for each in journeys]


def test_of_two_motors_without_a_name_each_gets_the_tickets_of_its_tables(database, queue):
    rides, flights = journeys_in("rides"), journeys_in("flights")
    motors = [
        Motor(sessionmaker(database), journeys=each, scheduler=ForwardScheduler(queue)) for each in (rides, flights)
    ]
    journeys = started(database, rides, flights)

    for job in queue.take():
        receiving.perform_ticket(job.text)

    assert states(database, journeys) == [State.FINISHED, State.FINISHED]
    for motor in motors:
        motor.close()


@pytest.mark.only_on("postgresql")
def test_tables_of_one_name_in_two_schemas_are_told_apart(database, queue):
    with database.begin() as connection:
        connection.execute(CreateSchema("north"))
        connection.execute(CreateSchema("south"))
    north, south = journeys_in("trips", "north"), journeys_in("trips", "south")
    motor = Motor(sessionmaker(database), journeys=[north, south], scheduler=ForwardScheduler(queue))
    journeys = started(database, north, south)
    in_the_north, in_the_south = queue.take()
    assert [job.ticket.table for job in (in_the_north, in_the_south)] == ["north.trips", "south.trips"]

    receiving.perform_ticket(in_the_south.text)

    assert states(database, journeys) == [State.READY, State.FINISHED]
    assert motor.store_of_ticket("trips") is None
    motor.close()


@pytest.mark.only_on("postgresql")
def test_a_process_that_says_the_schema_and_one_that_does_not_understand_each_other(database, queue):
    with database.begin() as connection:
        connection.execute(CreateSchema("north"))
    north, plain = journeys_in("trips", "north"), journeys_in("rides")
    motor = Motor(sessionmaker(database), journeys=[north, plain], scheduler=ForwardScheduler(queue))
    named = {table: motor.store_of_ticket(table) for table in ("trips", "north.trips", "public.rides", "rides")}
    assert named["trips"] is named["north.trips"] is motor.stores[0]
    assert named["public.rides"] is named["rides"] is motor.stores[1]
    assert motor.store_of_ticket("south.trips") is None
    motor.close()
