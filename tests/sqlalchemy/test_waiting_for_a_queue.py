"""A commit that hands over a ticket may have to wait for a broker: nobody else waits with it."""

from __future__ import annotations

import asyncio
import threading

import pytest
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlalchemy.orm import sessionmaker

from stepper_motor import ForwardScheduler
from stepper_motor.sqlalchemy import Motor
from tests.sqlalchemy.app import async_engine, engine
from tests.sqlalchemy.errands import Base, Journey, Short
from tests.tickets.keeping import KeepingQueue

LIMIT = 20.0
"""Seconds that a test waits for a thread."""


class AskingQueue(KeepingQueue):
    """Does something else first, whenever it is given a ticket."""

    def __init__(self):
        super().__init__()
        self.first = lambda: None

    def enqueue(self, ticket, at, options):
        self.first()
        super().enqueue(ticket, at, options)


@pytest.fixture
def queue():
    return AskingQueue()


def test_it_keeps_no_connection_from_others(queue):
    with engine() as database:
        Base.metadata.create_all(database)
        sessions = sessionmaker(database, expire_on_commit=False)
        motor = Motor(sessions, journeys=Journey, scheduler=ForwardScheduler(queue))
        lent = []
        queue.first = lambda: lent.append(database.pool.checkedout())
        with sessions() as session:
            Short.start(session)
            session.commit()
            assert lent == [0]
            with session.begin():
                Short.start(session)
            assert lent == [0, 0]
            Short.start(session)
            session.rollback()
            with session.begin_nested():
                Short.start(session)
            assert len(queue.jobs) == 2
            session.commit()
        assert (lent, len(queue.jobs)) == ([0, 0, 0], 3)
        motor.close()


def test_it_leaves_the_event_loop_to_others(queue):
    goes_on, went_on = threading.Event(), []
    queue.first = lambda: went_on.append(goes_on.wait(LIMIT))

    async def other_request():
        await asyncio.sleep(0.05)
        goes_on.set()

    async def app():
        async with async_engine() as database:
            async with database.begin() as connection:
                await connection.run_sync(Base.metadata.create_all)
            sessions = async_sessionmaker(database, expire_on_commit=False)
            motor = Motor(sessions, journeys=Journey, scheduler=ForwardScheduler(queue))
            async with sessions() as session:
                await Short.astart(session)
                other = asyncio.create_task(other_request())
                await session.commit()
                await other
            await asyncio.to_thread(motor.close)

    asyncio.run(app())
    assert went_on == [True]
    assert len(queue.jobs) == 1


def test_what_a_queue_raises_leaves_the_commit_as_it_is(queue, caplog):
    def raises():
        raise ConnectionError("no broker")

    queue.first = raises
    with engine() as database:
        Base.metadata.create_all(database)
        sessions = sessionmaker(database, expire_on_commit=False)
        motor = Motor(sessions, journeys=Journey, scheduler=ForwardScheduler(queue))
        with sessions.begin() as session:
            journey = Short.start(session)
        with sessions() as session:
            assert session.get(Short, journey.id) is not None
        motor.close()
