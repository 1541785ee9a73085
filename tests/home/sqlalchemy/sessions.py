"""Which session the tests speak through: one for each thread, one for each fresh object, the step's own in a step."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from sqlalchemy.orm import sessionmaker

from stepper_motor.sqlalchemy import Motor
from stepper_motor.sqlalchemy.finding import MOTOR
from tests.home.sqlalchemy.committing import HomeSession, writing
from tests.home.sqlalchemy.models import Base, Journey, PaymentJourney
from tests.home.sqlalchemy.places import IS_ASYNC, made_engine, spawned

T = TypeVar("T")

engine = made_engine()
FACTORY: Any = async_sessionmaker(AsyncEngine(engine)) if IS_ASYNC else sessionmaker(engine)
MOTORS = [Motor(FACTORY, journeys=[Journey, PaymentJourney])]
"""The one that moves the journeys is the last."""


class Stage:
    """Where the test that runs now has its sessions."""

    place: Engine | Connection = engine
    """The database, or a connection whose transaction is rolled back at the end of the test."""
    of_threads = threading.local()

    def forget_threads(self) -> None:
        self.of_threads = threading.local()


stage = Stage()


def motor() -> Any:
    """The motor; in a test that is rolled back, on its connection."""
    moving = MOTORS[-1]
    return moving.within(stage.place) if isinstance(stage.place, Connection) else moving


@contextmanager
def configured(**settings: Any) -> Iterator[None]:
    """The motor with other settings."""
    MOTORS.append(Motor(FACTORY, journeys=[Journey, PaymentJourney], events=MOTORS[-1].events, **settings))
    try:
        yield
    finally:
        gone = MOTORS.pop()
        gone.close()
        for root in gone.roots:
            root.motors.discard(gone)


# -------------------------------------------------------------------------------------------------------------- sessions


class OfItsMotor(HomeSession):
    """A session that knows the motor of the moment, whatever that is."""

    @property
    def info(self) -> Any:
        info = self.__dict__.setdefault("_info", {})
        info[MOTOR] = MOTORS[-1]
        return info


def ambient() -> HomeSession:
    """This thread's session."""
    found: HomeSession | None = getattr(stage.of_threads, "session", None)
    if found is None:
        found = stage.of_threads.session = opened(stage.place)
    return found


def opened(place: Engine | Connection) -> HomeSession:
    """A new session; with an async driver, the one behind an AsyncSession."""
    if IS_ASYNC:
        async_session = AsyncSession(AsyncEngine(engine), sync_session_class=OfItsMotor, place=place)
        session: Any = async_session.sync_session
        session.kept = async_session
    else:
        session = OfItsMotor(place)
    kept = stage.of_threads.__dict__.setdefault("opened", [])
    kept.append(session)
    return session


def fresh() -> HomeSession:
    """A session for objects that nobody else has; in a block, inside its transaction."""
    session = ambient()
    if not session.writes:
        return opened(stage.place)
    inside = opened(session.connection())
    return inside


def session_of(journey: Any) -> Any:
    """The session in which the step of this journey speaks; without one, this thread's."""
    session = ambient() if journey is None else journey.session
    session = getattr(session, "sync_session", session)
    # What a wait starts while its own journey is inserted can't be in the session that inserts it.
    return opened(session.connection()) if getattr(session, "_flushing", False) else session


def let_go() -> None:
    """This thread is about to end: close what it opened."""
    for session in stage.of_threads.__dict__.pop("opened", []):
        with suppress(Exception):
            session.rollback() if session.in_transaction() else None
    stage.of_threads.__dict__.pop("session", None)
    for store in MOTORS[-1].stores:
        store.close()


def on_its_own(function: Callable[[], T]) -> T:
    """Call it in a thread that has a connection of its own, and close that."""

    def call() -> T:
        try:
            return function()
        finally:
            let_go()

    return spawned(call)


# ------------------------------------------------------------------------------------------------------------ transactions


@contextmanager
def in_transaction() -> Iterator[None]:
    """The caller's transaction; within another, a savepoint."""
    session = ambient()
    if session.writes:
        with session.begin_nested():
            yield
        return
    with writing(session):
        session.begin()
        try:
            yield
        except BaseException:
            session.rollback()
            raise


class RolledBack(Exception):
    """Leaves a block, and no more."""


@contextmanager
def rolled_back() -> Iterator[None]:
    """The same, rolled back at its end."""
    with suppress(RolledBack), in_transaction():
        yield
        raise RolledBack


@contextmanager
def a_test(*, rolled_back: bool) -> Iterator[None]:
    """What a test is in: a transaction that is rolled back, or a database that is emptied afterwards."""
    stage.forget_threads()
    if not rolled_back:
        try:
            yield
        finally:
            let_go()
            _empty()
        return
    with engine.connect() as connection, connection.begin() as transaction:
        stage.place = connection
        try:
            yield
        finally:
            stage.place = engine
            for session in stage.of_threads.__dict__.pop("opened", []):
                with suppress(Exception):
                    session.close()
            transaction.rollback()


def _empty() -> None:
    with engine.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(table.delete())
