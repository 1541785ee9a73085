"""A session that reads from a copy, as in SQLAlchemy's manual. Here that copy is empty, as one that lags behind is for
whatever is new: the engine must not look at it."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import Delete, Insert, String, Update, create_engine, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

from stepper_motor import step
from stepper_motor.sqlalchemy import JourneyMixin, Motor, sqlite
from tests import databases
from tests.sqlalchemy.app import ASYNC, SYNC, database, url

NAMES = {"first": f"{databases.name()}_first", "copy": f"{databases.name()}_copy"}


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))


class Journey(JourneyMixin[User], Base):
    pass


class Routed(Journey):
    @step
    def one(self):
        self.data["hero"] = self.hero.name
        self.hero.name += "!"

    @step(atomic=True)
    def two(self):
        self.hero.name += "?"

    @step
    async def three(self):
        self.hero.name += "."


def routing(engines):
    """The session of SQLAlchemy's manual, "Custom Vertical Partitioning"."""

    class RoutingSession(Session):
        def get_bind(self, mapper=None, clause=None, **told):
            writes = self._flushing or isinstance(clause, Update | Delete | Insert)
            return engines["first" if writes else "copy"]

    return RoutingSession


@pytest.fixture(scope="module")
def two_databases():
    with database(NAMES["first"]), database(NAMES["copy"]):
        for name in NAMES.values():
            engine = create_engine(url(SYNC, name))
            sqlite.configure(engine)
            Base.metadata.create_all(engine)
            engine.dispose()
        yield


@pytest.fixture
def engines(two_databases):
    engines = {which: create_engine(url(SYNC, name)) for which, name in NAMES.items()}
    for engine in engines.values():
        sqlite.configure(engine)
    yield engines
    for engine in engines.values():
        with engine.begin() as connection:
            for table in reversed(Base.metadata.sorted_tables):
                connection.execute(table.delete())
        engine.dispose()


@pytest.fixture
def sessions(engines):
    return sessionmaker(class_=routing(engines), expire_on_commit=False)


@pytest.fixture
def motor(sessions):
    motor = Motor(sessions, journeys=Journey)
    yield motor
    motor.close()


@pytest.fixture
def on_the_first(engines):
    with Session(engines["first"]) as session:
        yield session


def started(sessions):
    with sessions.begin() as session:
        ada = User(name="Ada")
        session.add(ada)
        return Routed.start(session, ada)


def test_a_worker_finds_and_performs_what_the_copy_does_not_know(sessions, motor, on_the_first):
    started(sessions)
    motor.worker(concurrency=2).run(once=True)

    with sessions() as session:
        assert session.scalars(select(Journey)).all() == []
    journey = on_the_first.scalars(select(Routed)).one()
    assert (journey.state, journey.data) == ("finished", {"hero": "Ada"})
    assert [entry.outcome for entry in journey.history] == ["completed"] * 3
    assert on_the_first.scalars(select(User.name)).one() == "Ada!?."


def test_so_does_a_worker_with_an_async_driver(two_databases, engines, sessions, on_the_first):
    started(sessions)

    async def work():
        asynchronous = {which: create_async_engine(url(ASYNC, name)) for which, name in NAMES.items()}
        for engine in asynchronous.values():
            sqlite.configure(engine)
        plain = {which: engine.sync_engine for which, engine in asynchronous.items()}
        maker = async_sessionmaker(class_=AsyncSession, sync_session_class=routing(plain), expire_on_commit=False)
        motor = Motor(maker, journeys=Journey)
        async with maker.begin() as session:
            grace = User(name="Grace")
            session.add(grace)
            await Routed.astart(session, grace)
        await asyncio.to_thread(motor.worker().run, once=True)
        motor.close()
        for engine in asynchronous.values():
            await engine.dispose()

    asyncio.run(work())

    assert on_the_first.scalars(select(Routed.state)).all() == ["finished", "finished"]
    assert sorted(on_the_first.scalars(select(User.name))) == ["Ada!?.", "Grace!?."]


def test_verbs_decide_where_journeys_are_written(sessions, motor, engines, on_the_first):
    with sessions.begin() as session:
        ada = User(name="Ada")
        session.add(ada)
        journey = Routed.start(session, ada)
        journey.pause("a moment")

    assert on_the_first.scalars(select(Routed.state)).one() == "paused"


def test_start_for_sees_whom_it_has_started_before(sessions, motor, engines, on_the_first):
    with sessions.begin() as session:
        ada = User(name="Ada")
        session.add(ada)
        Routed.start(session, ada).finish()
    with engines["copy"].begin() as connection:
        connection.execute(User.__table__.insert(), {"id": ada.id, "name": "Ada as of yesterday"})

    with sessions() as session:
        assert Routed.start_for(session, select(User), unless="ever") == 0


def test_housekeeping_and_what_is_lost_are_those_of_the_first(sessions, motor):
    started(sessions)
    (store,) = motor.stores

    assert len(store.claim_due(10, "a worker")) == 1
    assert store.expired(10) == []
    assert store.positions() == [("Routed", "one", 1)]
