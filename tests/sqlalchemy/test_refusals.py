"""What would do something else than it says is refused, and what was lost is never told as done."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import create_engine, select, union_all
from sqlalchemy.exc import IntegrityError, PendingRollbackError
from sqlalchemy.orm import aliased, sessionmaker

from stepper_motor import State, StepperMotorError, step
from stepper_motor.sqlalchemy import Motor
from stepper_motor.sqlalchemy.conflicts import raise_typed
from tests.sqlalchemy.app import Base, Journey, Signup, User, async_app, engine


class Swallowing(Journey):
    @step
    def work(self):
        self.hero.name = "changed"
        self.session.flush()
        self.session.add(User(id=self.hero.id, name="the same key"))
        try:
            self.session.flush()
        except IntegrityError:
            pass


@pytest.fixture
def session():
    with engine() as database:
        Base.metadata.create_all(database)
        sessions = sessionmaker(database)
        motor = Motor(sessions, journeys=Journey)
        with sessions() as session:
            yield session
        motor.close()
        Base.metadata.drop_all(database)


@pytest.fixture
def user(session):
    user = User(name="Ada")
    session.add(user)
    session.commit()
    return user


SELECTIONS = {
    "another class": lambda: select(User),
    "columns": lambda: select(Signup.id),
    "an alias": lambda: select(aliased(Signup)),
    "a class of which it is one": lambda: select(Journey),
    "two classes": lambda: select(Signup, User),
    "a union": lambda: union_all(select(Signup), select(Signup)),
    "no SELECT at all": lambda: ["journey"],
}


@pytest.mark.parametrize("selection", SELECTIONS.values(), ids=SELECTIONS)
def test_a_bulk_verb_takes_a_select_of_its_own_class_alone(session, user, selection):
    journey = Signup.start(session, user)
    session.commit()
    with pytest.raises(ValueError, match=r"take a SELECT of it, such as select\(Signup\)"):
        Signup.pause_all(session, selection())
    session.refresh(journey)
    assert journey.state is State.READY


def test_a_step_that_swallows_a_failed_flush_has_failed_since_what_it_wrote_before_is_gone(session, user):
    journey = Swallowing.start(session, user)
    session.commit()
    with pytest.raises(PendingRollbackError):
        journey.perform_next_step()
    assert (journey.state, [entry.outcome for entry in journey.history]) == (State.PAUSED, ["failed"])
    session.refresh(user)
    assert user.name == "Ada"


def test_an_engine_in_the_place_of_one_that_is_gone_tells_who_has_the_heros_place_as_well():
    """A new engine may have the address of an old one, by which SQLAlchemy knows whom it listens to."""
    engine, another = create_engine("sqlite://"), create_engine("sqlite://").dialect
    raise_typed(engine.dialect)

    engine.dialect = another
    raise_typed(engine.dialect)

    assert len(another.dispatch.handle_error) == 1


def test_what_is_awaited_takes_no_plain_session_and_says_what_to_write(session, user):
    with pytest.raises(TypeError, match=r"with a Session, write Signup\.start\(session, \.\.\.\)"):
        asyncio.run(Signup.astart(session, user))
    with pytest.raises(TypeError, match=r"with a Session, write Signup\.pause_all\(session, \.\.\.\)"):
        asyncio.run(Signup.apause_all(session))
    with pytest.raises(TypeError, match="an AsyncSession is needed: got None"):
        asyncio.run(Signup.astart_for(None, select(User)))


def test_a_verb_that_is_not_awaited_is_refused_in_an_async_session():
    async def pauses():
        async with async_app() as (sessions, _), sessions() as session:
            journey = await Signup.astart(session)
            with pytest.raises(StepperMotorError, match=r"an AsyncSession's: await .* journey\.apause\(\)"):
                journey.pause()
            await journey.apause()
            assert journey.state is State.PAUSED
            await session.commit()

    asyncio.run(pauses())
