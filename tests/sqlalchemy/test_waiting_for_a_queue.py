"""A commit that hands over a ticket may have to wait for a broker: nobody else waits with it."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select
from sqlalchemy.orm import sessionmaker

from stepper_motor import ForwardScheduler
from stepper_motor.sqlalchemy import Motor
from tests.conditions import wait_until
from tests.sqlalchemy.app import async_app, engine
from tests.sqlalchemy.errands import Base, Journey, Short
from tests.tickets.keeping import KeepingQueue

LIMIT = 20.0
"""Seconds that a test waits for a thread."""


class AskingQueue(KeepingQueue):
    """Does something else first, whenever it is given a ticket."""

    def __init__(self):
        super().__init__()
        self.first = lambda: None
        self.has_been_asked = False

    def enqueue(self, ticket, at, options):
        self.has_been_asked = True
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


async def started_and_committed(sessions, number=1):
    async with sessions() as session:
        for _ in range(number):
            await Short.astart(session)
        await session.commit()


async def has_been_asked(queue):
    async with asyncio.timeout(LIMIT):
        while not queue.has_been_asked:
            await asyncio.sleep(0.01)


def test_it_leaves_the_event_loop_and_its_threads_to_others(queue):
    goes_on, went_on = threading.Event(), []
    queue.first = lambda: went_on.append(goes_on.wait(LIMIT))

    async def app():
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        async with async_app(Journey, scheduler=ForwardScheduler(queue)) as (sessions, _):
            commit = asyncio.create_task(started_and_committed(sessions))
            await has_been_asked(queue)
            await asyncio.to_thread(goes_on.set)
            await commit

    asyncio.run(app())
    assert went_on == [True]
    assert len(queue.jobs) == 1


def test_a_commit_that_is_canceled_meanwhile_hands_over_all_the_same(queue):
    goes_on = threading.Event()
    queue.first = lambda: goes_on.wait(LIMIT)

    async def app():
        async with async_app(Journey, scheduler=ForwardScheduler(queue)) as (sessions, _):
            commit = asyncio.create_task(started_and_committed(sessions, 3))
            await has_been_asked(queue)
            commit.cancel()
            with pytest.raises(asyncio.CancelledError):
                await commit
            goes_on.set()
            await asyncio.to_thread(wait_until, lambda: len(queue.jobs) == 3)
            async with sessions() as session:
                assert len(list(await session.scalars(select(Short)))) == 3

    asyncio.run(app())


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
