"""The shortest way through the SQLAlchemy home, sync and async: start, perform by hand, let a worker do the rest."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import String, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker

from stepper_motor import Completed, State, now, step
from stepper_motor.sqlalchemy import JourneyMixin, Motor
from tests.sqlalchemy.app import Base, Journey, Signup, User, async_app, engine


@pytest.fixture
def sessions():
    with engine() as database:
        Base.metadata.create_all(database)
        yield sessionmaker(database)
        Base.metadata.drop_all(database)


def test_a_journey_from_its_start_to_its_end(sessions):
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
        async with async_app() as (sessions, motor):
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

    asyncio.run(whole_course())


class Priced(DeclarativeBase): ...


class Payment(JourneyMixin, Priced):
    """Its column is called what an argument of the library's might be called."""

    method: Mapped[str] = mapped_column(String(20))

    @step
    def pay(self): ...


def test_a_column_may_be_called_method():
    async def start():
        async with async_app(Payment) as (sessions, _), sessions() as session:
            journey = await Payment.astart(session, method="card")
            await session.commit()
            return journey.method

    assert asyncio.run(start()) == "card"


@pytest.mark.only_on("postgresql")
def test_a_duration_may_be_added_to_a_time_in_a_query(sessions):
    motor = Motor(sessions, journeys=Journey)
    with sessions() as session:
        journey = Signup.start(session)
        due, arrived = Signup.next_step_to_be_performed_at, Signup.arrived_at
        assert session.scalars(Signup.ready().where(due + timedelta(days=1) > now())).all() == [journey]
        assert session.scalars(Signup.ready().where(due - timedelta(days=1) > now())).all() == []
        waited = session.scalar(select(due - arrived).where(Signup.id == journey.id))
        assert waited == journey.next_step_to_be_performed_at - journey.arrived_at
    motor.close()
