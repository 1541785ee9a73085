"""`stepper_motor.testing` in this home: in sessions that commit, and on a connection that is rolled back; awaited, too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlalchemy.orm import DeclarativeBase, sessionmaker

from stepper_motor import Completed, step
from stepper_motor.sqlalchemy import JourneyMixin, Motor
from stepper_motor.testing import (
    aassert_completed,
    aassert_finished,
    aperform_next_step,
    arun_due,
    aspeedrun,
    assert_completed,
    assert_due,
    assert_finished,
    run_due,
    speedrun,
)
from tests.sqlalchemy.app import async_engine, engine


class Base(DeclarativeBase):
    pass


class Journey(JourneyMixin, Base):
    pass


class Drip(Journey):
    @step
    def welcome(self): ...

    @step(wait=timedelta(days=2))
    async def remind(self): ...


class Failing(Journey):
    @step
    def fail(self):
        raise LookupError("not there")


IN_ITS_STORY = r"fail: failed, paused \(LookupError: not there\)"


@pytest.fixture
def database():
    with engine() as made:
        Base.metadata.create_all(made)
        yield made


@pytest.fixture(params=["committed", "rolled back"])
def place(request, database):
    """A session of either kind, and the motor as it is there."""
    factory = sessionmaker(database)
    motor = Motor(factory, journeys=Journey)
    if request.param == "committed":
        with factory() as session:
            yield session, motor
    else:
        with database.connect() as connection:
            outer = connection.begin()
            with factory(bind=connection, join_transaction_mode="create_savepoint") as session:
                yield session, motor.within(connection)
            outer.rollback()
    motor.close()


@pytest.fixture
def session(place):
    return place[0]


@pytest.fixture
def motor(place):
    return place[1]


def started(session, cls):
    journey = cls.start(session)
    session.commit()
    return journey


def test_a_speedrun_performs_every_step_at_its_time(session):
    journey = started(session, Drip)
    first, second = speedrun(journey)
    assert second.at - first.at == timedelta(days=2)
    assert_finished(journey)
    assert_completed(journey, "welcome", "remind")


def test_assertions_leave_the_session_as_it_is(session):
    journey = started(session, Drip)
    assert_due(journey)
    assert journey.perform_next_step() == Completed()


def test_assertions_see_what_the_session_has_not_committed(session):
    journey = started(session, Drip)
    journey.finish()
    assert_finished(journey)


def test_what_is_due_is_performed_as_a_worker_would(session, motor):
    journeys = [started(session, Drip), started(session, Drip)]
    assert [each.step for each in run_due(motor=motor)] == ["welcome", "welcome"]
    for journey in journeys:
        assert_completed(journey, "welcome")


def test_a_failed_assertion_tells_the_journeys_story(session):
    journey = started(session, Failing)
    speedrun(journey, reraise=False)
    with pytest.raises(AssertionError, match=IN_ITS_STORY):
        assert_finished(journey)


@pytest.mark.parametrize(
    "performing", [lambda journey, motor: speedrun(journey), lambda _, motor: run_due(motor=motor)]
)
def test_so_does_what_a_step_has_raised(session, motor, performing):
    journey = started(session, Failing)
    with pytest.raises(LookupError, match="not there") as told:
        performing(journey, motor)
    assert "fail: failed, paused (LookupError: not there)" in told.value.__notes__[0]


def test_the_story_is_told_where_several_motors_move_the_table(session, motor, database):
    other = Motor(sessionmaker(database), journeys=Journey)
    test_a_failed_assertion_tells_the_journeys_story(session)
    started(session, Failing)
    with pytest.raises(LookupError):
        run_due(motor=motor)
    other.close()


# -------------------------------------------------------------------------------------------------------------- awaited

Story = Callable[[Any, Any], Coroutine[Any, Any, None]]


@asynccontextmanager
async def committed(factory, motor, engine):
    async with factory() as session:
        yield session, motor


@asynccontextmanager
async def rolled_back(factory, motor, engine):
    async with engine.connect() as connection:
        outer = await connection.begin()
        async with factory(bind=connection, join_transaction_mode="create_savepoint") as session:
            yield session, motor.within(connection)
        await outer.rollback()


@pytest.fixture(params=[committed, rolled_back], ids=lambda place: place.__name__)
def awaited(request):
    """Awaits a story in a session of either kind."""

    async def run(story: Story) -> None:
        async with async_engine() as made:
            async with made.begin() as connection:
                await connection.run_sync(Base.metadata.create_all)
            factory = async_sessionmaker(made, expire_on_commit=False)
            motor = Motor(factory, journeys=Journey)
            async with request.param(factory, motor, made) as (session, there):
                await story(session, there)
            await asyncio.to_thread(motor.close)

    return lambda story: asyncio.run(run(story))


async def astarted(session, cls):
    journey = await cls.astart(session)
    await session.commit()
    return journey


def test_a_speedrun_is_awaited(awaited):
    async def story(session, motor):
        journey = await astarted(session, Drip)
        first, second = await aspeedrun(journey)
        assert second.at - first.at == timedelta(days=2)
        await aassert_finished(journey)
        await aassert_completed(journey, "welcome", "remind")

    awaited(story)


def test_a_single_step_and_what_is_due_are_awaited(awaited):
    async def story(session, motor):
        journey = await astarted(session, Drip)
        assert await aperform_next_step(journey) == Completed()
        await astarted(session, Drip)
        assert [each.step for each in await arun_due(motor=motor)] == ["welcome"]

    awaited(story)


def test_the_story_is_told_to_those_who_await(awaited):
    async def story(session, motor):
        journey = await astarted(session, Failing)
        with pytest.raises(LookupError) as told:
            await aspeedrun(journey)
        assert "LookupError: not there" in told.value.__notes__[0]
        with pytest.raises(AssertionError, match=IN_ITS_STORY):
            await aassert_finished(journey)

    awaited(story)
