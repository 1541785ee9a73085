"""The shortest way through the SQLAlchemy home, sync and async: start, perform by hand, let a worker do the rest."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from stepper_motor import Completed, State, now
from tests.sqlalchemy.app import Base, Signup, User, async_engine, engine


@pytest.fixture
def sessions():
    from sqlalchemy.orm import sessionmaker

    with engine() as database:
        Base.metadata.create_all(database)
        yield sessionmaker(database)
        Base.metadata.drop_all(database)


def test_a_journey_from_its_start_to_its_end(sessions):
    from stepper_motor.sqlalchemy import Motor
    from tests.sqlalchemy.app import Journey

    motor = Motor(sessions, journeys=Journey)
    with sessions() as session:
        user = User(name="Ada")
        session.add(user)
        journey = Signup.start(session, user)
        session.commit()
        assert journey.perform_next_step() == Completed()
        assert (journey.state, journey.next_step_name, journey.data) == (State.READY, "think", {"greeted": "Ada"})

    motor.worker().run(once=True)
    with sessions() as session:
        journey = session.scalars(select(Journey)).one()
        assert (journey.state, journey.data) == (State.FINISHED, {"greeted": "Ada", "thought": True})
        assert [entry.step_name for entry in journey.history] == ["welcome", "think", "part"]
        assert journey.hero.name == "Ada!!"
    motor.close()


def test_the_same_with_an_async_engine():
    async def whole_course():
        from sqlalchemy.ext.asyncio import async_sessionmaker

        from stepper_motor.sqlalchemy import Motor
        from tests.sqlalchemy.app import Journey

        async with async_engine() as database:
            async with database.begin() as connection:
                await connection.run_sync(Base.metadata.create_all)
            sessions = async_sessionmaker(database, expire_on_commit=False)
            motor = Motor(sessions, journeys=Journey)
            async with sessions() as session:
                user = User(name="Ada")
                session.add(user)
                journey = await Signup.astart(session, user)
                await session.commit()
                assert await journey.aperform_next_step() == Completed()
            await asyncio.to_thread(motor.worker().run, once=True)
            async with sessions() as session:
                journey = (await session.scalars(select(Journey))).one()
                assert (journey.state, journey.data) == (State.FINISHED, {"greeted": "Ada", "thought": True})
                assert (await journey.ahero()).name == "Ada!!"
            motor.close()
            async with database.begin() as connection:
                await connection.run_sync(Base.metadata.drop_all)

    asyncio.run(whole_course())


@pytest.mark.only_on("postgresql")
def test_a_duration_may_be_added_to_a_time_in_a_query(sessions):
    from stepper_motor.sqlalchemy import Motor
    from tests.sqlalchemy.app import Journey

    motor = Motor(sessions, journeys=Journey)
    with sessions() as session:
        journey = Signup.start(session)
        due, arrived = Signup.next_step_to_be_performed_at, Signup.arrived_at
        assert session.scalars(Signup.ready().where(due + timedelta(days=1) > now())).all() == [journey]
        assert session.scalars(Signup.ready().where(due - timedelta(days=1) > now())).all() == []
        waited = session.scalar(select(due - arrived).where(Signup.id == journey.id))
        assert waited == journey.next_step_to_be_performed_at - journey.arrived_at
    motor.close()
