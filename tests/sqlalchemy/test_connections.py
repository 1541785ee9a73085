"""How many connections and threads a motor has, and that none of them is left when it is closed."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, NullPool, create_engine, func, select, text
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker

from stepper_motor import State, step
from stepper_motor.sqlalchemy import JourneyMixin, Motor, notifications, sqlite
from tests import databases
from tests.conditions import wait_until
from tests.sqlalchemy import app

NAME = f"{databases.name()}_connections"
servers = pytest.mark.only_on("postgresql", "mariadb")
LIMIT = 30.0
"""Seconds that a thread waits for another one here, which may have failed."""


class Base(DeclarativeBase):
    pass


class Word(Base):
    __tablename__ = "words"

    id: Mapped[int] = mapped_column(primary_key=True)
    journey_id: Mapped[int]


class Journey(JourneyMixin[Any], Base):
    def write(self):
        self.session.add(Word(journey_id=self.id))


class Mixed(Journey):
    """What uses every kind of thread and connection: sync, atomic and awaited steps, and hooks."""

    def after_cancel(self): ...

    @step
    def one(self):
        self.write()

    @step(atomic=True)
    def two(self):
        self.write()

    @step
    async def three(self):
        self.data["so far"] = 3
        await self.asave()

    @step(wait=3600)
    def four(self): ...


class Napping(Journey):
    @step
    async def one(self):
        await asyncio.sleep(0.05)

    @step
    async def two(self):
        await asyncio.sleep(0.05)

    @step
    async def three(self):
        await asyncio.sleep(0.05)


class Asking(Journey):
    """Keeps the connection of its session from its first question until the library ends its transaction."""

    @step
    async def ask(self):
        self.write()
        await self.session.scalar(select(func.count()).select_from(Word))
        await asyncio.sleep(0.01)


class AskingFirst(Journey):
    """Asks in its condition and in its hook, too, which are sync and run in a thread."""

    def is_superfluous(self):
        return self.session.scalar(select(func.count()).select_from(Word)) < 0

    def after_step_ends(self, step, outcome):
        self.session.scalar(select(func.count()).select_from(Word))

    @step(skip_if="is_superfluous")
    async def ask(self):
        self.write()
        await self.session.scalar(select(func.count()).select_from(Word))
        await asyncio.sleep(0.01)

    @step
    async def think(self):
        await asyncio.sleep(0.01)


@pytest.fixture(scope="module")
def whole_database():
    with app.database(NAME):
        engine = create_engine(app.url(app.SYNC, NAME), poolclass=NullPool)
        sqlite.configure(engine)
        Base.metadata.create_all(engine)
        yield engine
    if databases.chosen() != "sqlite":
        _elsewhere().dispose()


@pytest.fixture
def own(whole_database):
    """Makes sessions of the test's own, each on a connection that is closed with it."""
    yield sessionmaker(whole_database, expire_on_commit=False)
    with whole_database.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(table.delete())


def connections() -> int:
    """How many are open to the database of these tests, in whatever process."""
    if databases.chosen() == "sqlite":
        file = str(databases.sqlite_file(NAME))
        return len([each for each in Path("/proc/self/fd").iterdir() if _target(each) == file])
    with _elsewhere().connect() as connection:
        return int(connection.scalar(text(ASKS[databases.chosen()]), {"name": NAME}))


ASKS = {
    "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE datname = :name AND backend_type = 'client backend'",
    "mariadb": "SELECT count(*) FROM information_schema.processlist WHERE db = :name",
}


@cache
def _elsewhere() -> Engine:
    servers_own = {"postgresql": "postgres", "mariadb": "mysql"}[databases.chosen()]
    return create_engine(app.url(app.SYNC, servers_own), isolation_level="AUTOCOMMIT")


def _target(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except OSError:
        return ""


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith(("stepper_motor", "asyncio_"))]


class Service:
    """An app with its engine, its sessions and its motor."""

    def __init__(self, driver: str, **options: Any) -> None:
        if driver == "sync":
            self.engine: Any = create_engine(app.url(app.SYNC, NAME), pool_size=5, max_overflow=5)
            self.sessions: Any = sessionmaker(self.engine, expire_on_commit=False)
        else:
            self.engine = create_async_engine(app.url(app.ASYNC, NAME), pool_size=5, max_overflow=5)
            self.sessions = async_sessionmaker(self.engine, expire_on_commit=False)
        sqlite.configure(self.engine)
        self.motor = Motor(self.sessions, journeys=Journey, **options)


@pytest.fixture
def serve():
    """Makes the app, with a sync or an async driver; its motor is closed at the end, if it is not by then."""
    made: list[Service] = []

    def serve(driver, **options):
        made.append(Service(driver, **options))
        return made[-1]

    yield serve
    for service in made:
        service.motor.close()
        getattr(service.engine, "sync_engine", service.engine).dispose(close=False)


@contextmanager
def most_connections() -> Iterator[list[int]]:
    """Counts them, again and again within the block."""
    counted, over = [0], threading.Event()

    def count() -> None:
        while not over.wait(0.01):
            counted.append(connections())

    counter = threading.Thread(target=count)
    counter.start()
    try:
        yield counted
    finally:
        over.set()
        counter.join()


def started(own, cls, number):
    with own.begin() as session:
        session.add_all([cls() for _ in range(number)])


def count(own, cls, state=State.FINISHED):
    with own() as session:
        return session.scalar(select(func.count()).where(cls.type == cls.__name__, cls.state == state))


@pytest.mark.parametrize("driver", ["sync", "async"])
def test_a_motor_that_is_closed_leaves_no_thread_and_no_connection(own, serve, driver):
    before, service = set(threads()), serve(driver)  # those of an earlier test may be about to end
    with service.motor.working():
        started(own, Mixed, 20)
        wait_until(lambda: count(own, Mixed, State.READY) == 20 and _steps_completed(own) == 60)
        assert connections() > 0
    with own() as session:
        journey = session.scalars(select(Mixed)).first()
        session.info["stepper_motor"] = service.motor
        journey.cancel()
        session.commit()
    service.motor.close()

    wait_until(lambda: connections() == 0)
    wait_until(lambda: before.issuperset(threads()))


def _steps_completed(own):
    with own() as session:
        return session.scalar(select(func.sum(Mixed.steps_completed)))


@pytest.mark.parametrize("driver", ["sync", "async"])
def test_a_motor_that_was_closed_works_again(own, serve, driver):
    service = serve(driver)
    for number in (1, 2):
        with service.motor.working():
            started(own, Mixed, 1)
            wait_until(lambda number=number: (_steps_completed(own) or 0) == 3 * number)
        service.motor.close()

    wait_until(lambda: connections() == 0, limit=3)


def test_fifty_threads_that_serve_requests_leave_no_connection_of_the_motors(own, serve, monkeypatch):
    monkeypatch.setattr(notifications, "IDLE", 0.3)
    service = serve("sync")

    def request(_):
        for _ in range(4):
            with service.sessions() as session:
                journey = Mixed.start(session)
                session.commit()
                journey.pause()
                session.commit()
                journey.resume()
                session.commit()

    with ThreadPoolExecutor(50) as requests:
        list(requests.map(request, range(50)))
    service.engine.dispose()

    assert count(own, Mixed, State.READY) == 200
    wait_until(lambda: connections() == 0, limit=5, what="the announcer has nothing to say any more")
    service.motor.close()


def a_statement(line, go_on):
    line.run(go_on)


def a_transaction(line, go_on):
    with line.transaction():
        line.execute("SELECT 1")
        go_on()


@pytest.mark.parametrize("uses_it_for", [a_statement, a_transaction])
def test_a_motor_is_closed_while_a_thread_still_uses_its_connection(own, serve, uses_it_for):
    service, uses, go_on = serve("sync"), threading.Event(), threading.Event()
    mine = service.motor.stores[0]._connections

    def work():
        line = mine.own()
        uses_it_for(line, lambda: uses.set() or go_on.wait(LIMIT))
        answer = line.execute("SELECT 1")
        mine.give_back()
        return answer

    with ThreadPoolExecutor(1) as threads:
        working = threads.submit(work)
        assert uses.wait(LIMIT)
        service.motor.close()
        go_on.set()
        assert working.result() == [(1,)]
    wait_until(lambda: connections() == 0, limit=3)


@servers  # SQLite itself keeps files open while another connection holds a lock
def test_threads_that_perform_by_hand_leave_a_few_connections_at_the_most(own, serve):
    service = serve("sync")
    started(own, Mixed, 40)
    with own() as session:
        ids = list(session.scalars(select(Mixed.id)))

    def request(id):
        with service.sessions() as session:
            journey = session.get(Mixed, id)
            session.commit()
            journey.perform_next_step()

    with ThreadPoolExecutor(20) as requests:
        list(requests.map(request, ids))
    service.engine.dispose()

    assert _steps_completed(own) == 40
    wait_until(
        lambda: connections() <= 9, limit=3
    )  # four for the motor's statements, four for steps, and the announcer's
    service.motor.close()
    wait_until(lambda: connections() == 0, limit=3)


def test_two_hundred_requests_at_once_on_one_event_loop(own, serve):
    service = serve("async")

    async def request():
        async with service.sessions.begin() as session:
            journey = await Mixed.astart(session)
        async with service.sessions.begin() as session:
            journey = await session.get(Mixed, journey.id)
            await journey.apause(by="me")
            await journey.aresume()
        async with service.sessions.begin() as session:
            journey = await session.get(Mixed, journey.id)
            await journey.acancel()

    async def requests():
        await asyncio.gather(*(request() for _ in range(200)))
        await service.engine.dispose()

    with most_connections() as counted:
        asyncio.run(requests())

    assert count(own, Mixed, State.CANCELED) == 200
    for_hooks = min(32, (os.cpu_count() or 1) + 4)  # as many threads as asyncio has for what would block a loop
    assert max(counted) <= 10 + for_hooks + 1  # and the announcer's
    service.motor.close()
    wait_until(lambda: connections() == 0, limit=3)


@pytest.mark.only_on("postgresql")
@pytest.mark.slow
def test_two_thousand_journeys_that_are_awaited_at_once_share_ten_connections(own, serve):
    service = serve("async")
    started(own, Napping, 2000)
    with most_connections() as counted, service.motor.working():
        wait_until(lambda: count(own, Napping) == 2000, limit=60)
    service.motor.close()

    assert 0 < max(counted) - 1 <= 10  # one is the test's own, which looks whether they have finished
    wait_until(lambda: connections() == 0, limit=3)


@pytest.mark.parametrize("cls", [Asking, AskingFirst])
def test_steps_that_all_ask_at_once_share_two_connections_and_finish(own, serve, cls):
    service = serve("async", async_connections=2)
    started(own, cls, 60)
    with service.motor.working():
        wait_until(lambda: count(own, cls) == 60, limit=40)
    service.motor.close()

    with own() as session:
        assert session.scalar(select(func.count()).select_from(Word)) == 60
