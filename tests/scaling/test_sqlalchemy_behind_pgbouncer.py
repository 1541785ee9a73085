"""PgBouncer in transaction mode between the processes of a service and PostgreSQL: nothing is lost, and nothing is done
twice."""

from __future__ import annotations

import asyncio
import threading

import pytest
from sqlalchemy import text

from tests.conditions import wait_until
from tests.scaling import service
from tests.sqlalchemy.conftest import desk, service_database, sessions  # noqa: F401  # fixtures
from tests.sqlalchemy.crew import outcomes
from tests.sqlalchemy.errands import Atomic, Gated, Short, of
from tests.sqlalchemy.service import NAME
from tests.worker import diary
from tests.worker.processes import Crew

pytestmark = [pytest.mark.processes, pytest.mark.only_on("postgresql")]
PROGRAM = ("stepper_motor", "--app", "tests.scaling.service")
MANY = 150


@pytest.fixture(params=sorted(service.DRIVERS))
def driver(request):
    """Of the worker processes."""
    return request.param


@pytest.fixture
def kind(driver):
    """Of their steps."""
    return "sync" if driver == "psycopg" else "async"


@pytest.fixture
def run(sessions, diary_folder, driver, bouncer):
    """Starts commands of the service behind PgBouncer; none outlives the test."""
    crew = Crew(diary_folder)
    environment = {service.DRIVER: driver, **bouncer.environment}
    yield lambda *arguments: crew.start(*arguments, program=PROGRAM, environment=environment)
    crew.end()


@pytest.fixture
def start(monkeypatch, bouncer, driver):
    """Starts journeys of a class through PgBouncer, with the same driver as the workers."""
    for name, value in bouncer.environment.items():
        monkeypatch.setenv(name, value)
    maker = service.sessions(driver)

    def start(cls, number):
        if driver == "psycopg":
            with maker.begin() as session:
                return [cls.start(session) for _ in range(number)]
        return asyncio.run(_started(cls, number))

    async def _started(cls, number):
        async with maker.begin() as session:
            started = [await cls.astart(session) for _ in range(number)]
        await maker.kw["bind"].dispose()
        return started

    yield start
    if driver == "psycopg":
        maker.kw["bind"].dispose()


def test_more_workers_than_connections_perform_every_step_once_and_log_no_error(run, start, desk, bouncer, kind):
    cls = of(kind, Short)
    start(cls, MANY)
    workers = [run("worker", "--concurrency", "4").works() for _ in range(3)]
    wait_until(lambda: desk.all_finished(cls), limit=60)
    clients, servers = (
        [each for each in bouncer.show(what) if each["database"] != "pgbouncer"] for what in ("CLIENTS", "SERVERS")
    )

    assert len(servers) <= 4 < len(clients)
    assert len(diary.lines()) == len(desk.notes()) == 3 * MANY
    assert set(diary.counts().values()) == {1}
    assert [worker.stops() for worker in workers] == [0, 0, 0]
    assert [worker.logged("ERROR", "WARNING") for worker in workers] == [[], [], []]


def test_a_worker_behind_it_leaves_nothing_on_a_connection_that_others_are_given(run, desk, bouncer, kind, sessions):
    worker, cls = run("worker").works(), of(kind, Short)
    desk.start_many(cls, 5)
    wait_until(lambda: desk.all_finished(cls))
    assert worker.stops() == 0
    with bouncer.connect(NAME) as other:
        for _ in range(20):
            with sessions.begin() as session:
                session.execute(text("NOTIFY stepper_motor"))
            other.execute("SELECT 1")
        told = list(other.notifies(timeout=0.1))
        prepared = other.execute("SELECT statement FROM pg_prepared_statements").fetchall()

    assert (told, prepared) == ([], [])
    assert "not linked" not in bouncer.log


def test_a_killed_workers_steps_are_taken_over_when_its_lease_is_over(run, start, desk, kind):
    cls = of(kind, Gated)
    journeys = start(cls, 3)
    doomed = run("worker", "--concurrency", "3").works()
    wait_until(lambda: diary.words().count("began") == 3)
    doomed.kill()
    other = run("worker", "--concurrency", "3").works()
    wait_until(lambda: desk.all_finished(cls), limit=15)

    for journey in map(desk.fresh, journeys):
        assert outcomes(journey) == ["lost", "completed", "completed"]
        assert diary.words(journey.id) == ["began", "began", "ended", "went on"]
        assert desk.notes(journey) == ["held"]
    assert other.stops() == 0


def test_a_lease_is_renewed_through_it_for_as_long_as_the_step_runs(run, start, desk, kind):
    cls = of(kind, Gated)
    (journey,) = start(cls, 1)
    workers = [run("worker").works() for _ in range(2)]
    wait_until(lambda: diary.words(journey.id) == ["began"])
    threading.Event().wait(2 * cls.lease.total_seconds())
    diary.open_gate()
    wait_until(lambda: desk.all_finished(cls))

    assert outcomes(desk.fresh(journey)) == ["completed", "completed"]
    assert not {"recovered", "trouble"} & {name for worker in workers for name in worker.names}


def test_an_atomic_step_and_its_settlement_are_one_transaction_through_it(run, start, desk, kind):
    cls = of(kind, Atomic)
    diary.open_gate()
    journeys = start(cls, 40)
    worker = run("worker", "--concurrency", "8").works()
    wait_until(lambda: desk.all_finished(cls))

    assert desk.notes() == ["written"] * 40
    assert {outcome for journey in map(desk.fresh, journeys) for outcome in outcomes(journey)} == {"completed"}
    assert worker.logged("ERROR", "WARNING") == []


@pytest.mark.slow
def test_when_it_restarts_in_the_middle_nothing_is_lost(run, start, desk, bouncer, kind):
    """A body that asks the database meets the restart itself: it is attempted again, as its class says. Whether its
    commit came through before, nobody has heard: such a step may be performed again."""
    cls = of(kind, Short)
    journeys = start(cls, 2 * MANY)
    workers = [run("worker", "--concurrency", "4").works() for _ in range(2)]
    for lines in (100, 400):
        wait_until(lambda lines=lines: len(diary.lines()) > lines)
        bouncer.kill()
        threading.Event().wait(0.5)
        bouncer.start()
    wait_until(lambda: desk.all_finished(cls), limit=60)

    for journey in map(desk.fresh, journeys):
        assert [each for each in outcomes(journey) if each not in ("failed", "lost")] == ["completed"] * 3
        assert {*desk.notes(journey)} == {"one", "two", "three"}
        assert len(desk.notes(journey)) <= len(journey.history)
    assert [worker.stops() for worker in workers] == [0, 0]


@pytest.mark.parametrize("command", ["doctor", "housekeep", "list", "types"])
def test_the_commands_work_through_it(run, desk, command):
    desk.start(Short)
    told = run(command)

    assert told.ends() == 0, told.output
