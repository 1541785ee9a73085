"""Procrastinate beside SQLAlchemy: its jobs are written in the session's transaction, whatever the driver."""

from __future__ import annotations

import asyncio
from contextlib import closing

import psycopg
import pytest
from procrastinate.schema import SchemaManager
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.util import greenlet_spawn

from tests import databases
from tests.conditions import wait_until
from tests.queues.procrastinate_on_sqlalchemy import URL, Base, Walk, made_app, made_motor
from tests.queues.systems import QueueWorker
from tests.worker import diary

pytestmark = [pytest.mark.brokers, pytest.mark.only_on("postgresql")]
DRIVERS = ["psycopg", "psycopg_async", "asyncpg"]
NAME = f"{databases.name()}_procrastinate"


def url(driver):
    server = databases.server("postgresql")
    account = f"{server.user}:{server.password}" if server.password else server.user
    return f"postgresql+{driver}://{account}@{server.host}:{server.port}/{NAME}"


def asked(statement, database=NAME):
    """On a connection of its own, in a transaction of its own."""
    server = databases.server("postgresql")
    told = {"host": server.host, "port": server.port, "user": server.user, "password": server.password or None}
    with closing(psycopg.connect(**told, dbname=database, autocommit=True)) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="module", autouse=True)
def _database():
    asked(f'CREATE DATABASE "{NAME}"', "postgres")
    try:
        asked(SchemaManager.get_schema())
        engine = create_engine(url("psycopg"))
        Base.metadata.create_all(engine)
        engine.dispose()
        yield
    finally:
        asked(f'DROP DATABASE "{NAME}" WITH (FORCE)', "postgres")


@pytest.fixture(scope="module", params=DRIVERS)
def driver(request):
    return request.param


@pytest.fixture
def app(driver):
    return made_app(url(driver))


@pytest.fixture
def motor(driver, app):
    motor = made_motor(url(driver), app)
    yield motor
    motor.close()


@pytest.fixture
def in_the_app(motor):
    """Calls what uses a session of the app's, in a coroutine if it has an AsyncSession."""

    def call(use):
        opened = motor.session_factory()
        if not isinstance(opened, AsyncSession):
            with opened as session:
                return use(session)

        async def main():
            async with opened as session:
                return await greenlet_spawn(use, session.sync_session)

        return asyncio.run(main())

    return call


def rows():
    """(what wrote the journey, what wrote its ticket): the ids of the transactions."""
    return asked(
        "SELECT j.xmin::text, t.xmin::text FROM stepper_motor_journeys AS j FULL JOIN procrastinate_jobs AS t "
        "ON (t.args ->> 'ticket')::jsonb ->> 'id' = j.id::text WHERE t.task_name IS DISTINCT FROM 'stepper_motor:sweep'"
    )


@pytest.fixture(autouse=True)
def _no_rows():
    asked("TRUNCATE stepper_motor_journeys, stepper_motor_history, procrastinate_jobs CASCADE")


def test_the_ticket_is_written_in_the_transaction_of_the_session(in_the_app):
    def start(session):
        Walk.start(session)
        assert rows() == []
        session.commit()

    in_the_app(start)
    ((journey, ticket),) = rows()
    assert journey
    assert ticket


def test_a_ticket_of_an_added_journey_has_its_transaction(in_the_app):
    def add(session):
        session.add(Walk())
        session.commit()

    in_the_app(add)
    ((journey, ticket),) = rows()
    assert journey == ticket


def test_a_session_that_is_rolled_back_leaves_neither(in_the_app):
    def start(session):
        Walk.start(session)
        session.rollback()
        Walk.start(session)

    in_the_app(start)
    assert rows() == []


def test_a_savepoint_that_is_rolled_back_leaves_neither(in_the_app):
    def start(session):
        Walk.start(session)
        savepoint = session.begin_nested()
        Walk.start(session)
        savepoint.rollback()
        session.commit()

    in_the_app(start)
    ((journey, ticket),) = rows()
    assert journey
    assert ticket


def test_a_verb_writes_its_ticket_in_the_session_s_transaction(in_the_app):
    def resume(session):
        journey = Walk.start(session)
        journey.pause()
        session.commit()
        asked("TRUNCATE procrastinate_jobs CASCADE")
        journey.resume()
        assert asked("SELECT count(*) FROM procrastinate_jobs") == [(0,)]
        session.commit()

    in_the_app(resume)
    assert asked("SELECT count(*) FROM procrastinate_jobs") == [(1,)]


@pytest.fixture(scope="module")
def diary_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("diary")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(diary.FOLDER, str(folder))
        yield folder


@pytest.fixture
def worker(driver, diary_folder):
    arguments = ["procrastinate", "--app", "tests.queues.procrastinate_on_sqlalchemy.app", "worker",
                 "--concurrency", "2", "--fetch-job-polling-interval", "0.2"]  # fmt: skip
    worker = QueueWorker(arguments, diary_folder / f"worker on {driver}.log", {URL: url(driver)})
    yield worker
    worker.kill()


def test_a_worker_of_procrastinate_s_performs_the_journey_to_its_end(in_the_app, worker):
    def start(session):
        journey = Walk.start(session)
        session.commit()
        return journey.id

    id = in_the_app(start)
    ended = lambda: asked("SELECT state FROM stepper_motor_journeys") == [("finished",)]  # noqa: E731
    wait_until(lambda: ended() or worker.status is not None, limit=60, what=f"it has ended:\n{worker.log}")
    assert diary.words(id) == ["one", "two"], worker.output
    assert asked("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'stepper_motor:perform_step'") == [(2,)]


def test_tables_elsewhere_get_the_ticket_after_the_commit_through_the_app():
    app = made_app(url("psycopg"))
    with closing(made_motor(url("psycopg"), app, same_database=False)) as motor, app.open():
        with motor.session_factory() as session:
            Walk.start(session)
            session.rollback()
            Walk.start(session)
            assert asked("SELECT count(*) FROM procrastinate_jobs") == [(0,)]
            session.commit()
    assert asked("SELECT count(*) FROM procrastinate_jobs") == [(1,)]
