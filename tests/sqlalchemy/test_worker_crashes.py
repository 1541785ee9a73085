"""Workers of the SQLAlchemy home that die or freeze in the middle of steps, and connections that break under them:
nothing is lost, and nothing is done twice."""

from __future__ import annotations

import signal
import sqlite3
import threading

import pytest

from tests import databases
from tests.conditions import wait_until
from tests.sqlalchemy import service
from tests.sqlalchemy.crew import kill_connections, outcomes
from tests.sqlalchemy.errands import LEASE, Atomic, Gated, LateInAQuery, Short, of
from tests.worker import diary
from tests.worker.cutting import CuttingProxy
from tests.worker.private import private_server

pytestmark = pytest.mark.processes
servers = pytest.mark.only_on("postgresql", "mariadb")
TAKEN_OVER_WITHIN = LEASE.total_seconds() + 10


def test_a_killed_workers_steps_are_taken_over_when_its_lease_is_over(workers, desk, driver):
    cls = of(driver, Gated)
    journeys = desk.start_many(cls, 3)
    doomed = workers.one("--concurrency", "3")
    wait_until(lambda: diary.words().count("began") == 3)
    doomed.kill()
    other = workers.one("--concurrency", "3")
    wait_until(lambda: desk.all_finished(cls), limit=TAKEN_OVER_WITHIN)

    for journey in map(desk.fresh, journeys):
        assert outcomes(journey) == ["lost", "completed", "completed"]
        assert f":{doomed.pid}:" in journey.history[0].by
        assert diary.words(journey.id) == ["began", "began", "ended", "went on"]
        assert desk.notes(journey) == ["held"]
    assert other.stops() == 0


def test_a_frozen_worker_that_thaws_writes_nothing_and_its_attempt_stays_lost(workers, desk, driver):
    cls = of(driver, Gated)
    journey = desk.start(cls)
    frozen = workers.one()
    wait_until(lambda: "began" in diary.words())
    frozen.send(signal.SIGSTOP)
    workers.one()
    wait_until(lambda: desk.all_finished(cls), limit=TAKEN_OVER_WITHIN)
    before = desk.fresh(journey)

    diary.open_gate()
    frozen.send(signal.SIGCONT)
    wait_until(lambda: diary.words().count("ended") == 2, what="the frozen body ends")
    wait_until(lambda: "settled_by_another" in frozen.names)

    after = desk.fresh(journey)
    assert (after._row, after.data) == (before._row, before.data)
    assert outcomes(after) == outcomes(before) == ["lost", "completed", "completed"]
    assert frozen.stops() == 0


def test_an_atomic_step_of_a_killed_worker_has_written_nothing_and_is_performed_again(workers, desk, driver):
    cls = of(driver, Atomic)
    journey = desk.start(cls)
    doomed = workers.one()
    wait_until(lambda: diary.words() == ["wrote"])
    doomed.kill()
    assert desk.notes() == []
    workers.one()
    wait_until(lambda: desk.all_finished(cls), limit=TAKEN_OVER_WITHIN)

    assert outcomes(desk.fresh(journey)) == ["lost", "completed"]
    assert diary.words() == ["wrote", "wrote"]
    assert desk.notes() == ["written"]


@servers
def test_an_atomic_step_whose_connection_is_killed_is_rolled_back_and_performed_again(
    workers, desk, driver, service_database
):
    cls = of(driver, Atomic)
    journey = desk.start(cls)
    workers.one()
    wait_until(lambda: diary.words() == ["wrote"])
    kill_connections(service_database)
    diary.open_gate()
    wait_until(lambda: desk.all_finished(cls), limit=TAKEN_OVER_WITHIN)

    assert outcomes(desk.fresh(journey)) == ["completed"]
    assert diary.words() == ["wrote", "wrote"]
    assert desk.notes() == ["written"]


@servers
def test_connections_that_are_killed_again_and_again_lose_no_journey(workers, desk, driver, service_database):
    """A body whose own statement is cut short has failed, and is attempted again as its class asks for."""
    cls = of(driver, Short)
    journeys = desk.start_many(cls, 60)
    worker = workers.one("--concurrency", "4")
    for _ in range(8):
        threading.Event().wait(0.2)
        kill_connections(service_database)
    wait_until(lambda: desk.all_finished(cls), limit=30)

    for journey in map(desk.fresh, journeys):
        told = outcomes(journey)
        assert [outcome for outcome in told if outcome != "failed"] == ["completed"] * 3
        assert len(told) == len(diary.words(journey.id))
        if told == ["completed"] * 3:
            assert desk.notes(journey) == ["one", "two", "three"]
    assert worker.stops() == 0


@servers
def test_connections_that_are_killed_while_nobody_uses_them_are_no_failure_of_the_next_step(
    workers, desk, driver, service_database
):
    cls = of(driver, Short)
    workers.one("--concurrency", "2")
    journeys = []
    for number in (4, 8):
        journeys += desk.start_many(cls, 4)
        wait_until(lambda number=number: desk.states(cls) == {"finished": number})
        threading.Event().wait(1.1)
        assert kill_connections(service_database) >= 3

    assert [outcomes(desk.fresh(journey)) for journey in journeys] == [["completed"] * 3] * 8
    assert len(diary.lines()) == len(desk.notes()) == 24


@servers
@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("driver", ["sync" if databases.chosen() == "mariadb" else "async"])
def test_a_server_that_dies_in_the_middle_and_comes_back_loses_nothing(workers, desk, driver):
    cls = of(driver, Short)
    with private_server() as server:
        server.query(f"CREATE DATABASE {service.NAME}")
        server.run("tests.sqlalchemy.start_errands", cls.__name__, "100")
        worker = workers.one("--concurrency", "4", environment=server.environment)
        wait_until(lambda: len(diary.lines()) > 60)
        server.kill()
        threading.Event().wait(1.5)
        server.start()
        wait_until(lambda: server.query(FINISHED, service.NAME) == [(100,)], limit=30)

        assert worker.stops() == 0
        told = dict(server.query(OUTCOMES, service.NAME))
        assert (told.pop("completed"), told.keys() <= {"failed"}) == (300, True)
        assert server.query(NOTED, service.NAME) == [(300,)]


FINISHED = "SELECT COUNT(*) FROM stepper_motor_journeys WHERE state = 'finished'"
OUTCOMES = "SELECT outcome, COUNT(*) FROM stepper_motor_history GROUP BY outcome"
NOTED = "SELECT COUNT(*) FROM (SELECT DISTINCT journey_id, word FROM notes) AS told"


@servers
@pytest.mark.parametrize("driver", ["async"])
def test_a_step_that_is_cancelled_in_the_middle_of_a_statement_costs_nobody_else_a_connection(workers, desk, driver):
    late = desk.start_many(LateInAQuery, 12)
    workers.one()
    wait_until(lambda: set(desk.states(LateInAQuery)) == {"canceled"}, limit=20)

    for journey in map(desk.fresh, late):
        assert journey.history[0].error_class == "stepper_motor.journeys.errors.StepTimeout"
    cls = of(driver, Short)
    desk.start_many(cls, 20)
    wait_until(lambda: desk.all_finished(cls))


@pytest.fixture
def proxy():
    proxy = CuttingProxy()
    yield proxy
    proxy.close()


CLAIM = {"postgresql": ["due AS MATERIALIZED"], "mariadb": ["'performing'", "COMMIT"]}.get(databases.chosen(), [])
SETTLEMENT = {"postgresql": ["WITH moved"]}.get(
    databases.chosen(), ["steps_completed", "stepper_motor_history", "COMMIT"]
)
"""Of one journey alone: on PostgreSQL a single statement, which is its own transaction."""


@servers
@pytest.mark.parametrize("messages", [CLAIM, SETTLEMENT], ids=["claim", "settlement"])
def test_a_claim_or_a_settlement_whose_answer_is_lost_is_recognised(workers, desk, driver, proxy, messages):
    cls = of(driver, Short)
    if (driver, databases.chosen()) == ("async", "postgresql"):  # asyncpg sends a statement to be parsed, then a name
        messages = [*messages, "__asyncpg_stmt_"]
    proxy.cut_after(*messages)
    journey = desk.start(cls)  # before the worker: it sends the text of a statement once for each connection
    worker = workers.one(environment=proxy.environment)
    wait_until(lambda: desk.all_finished(cls), limit=15)

    assert proxy.cuts == 1
    assert diary.words(journey.id) == desk.notes(journey) == ["one", "two", "three"]
    assert outcomes(desk.fresh(journey)) == ["completed"] * 3
    assert worker.stops() == 0


@servers
def test_an_atomic_step_whose_commit_gets_no_answer_is_recognised(workers, desk, driver, proxy):
    cls = of(driver, Atomic)
    diary.open_gate()
    workers.one(environment=proxy.environment)
    proxy.cut_after("INSERT INTO", "stepper_motor_history", "COMMIT")
    journey = desk.start(cls)
    wait_until(lambda: desk.all_finished(cls), limit=15)

    assert proxy.cuts == 1
    assert desk.notes() == ["written"]
    assert outcomes(desk.fresh(journey)) == ["completed"]


@pytest.mark.only_on("sqlite")
def test_a_database_that_somebody_keeps_busy_is_waited_for_and_is_nobodys_failure(workers, desk, driver):
    cls = of(driver, Short)
    worker = workers.one()
    busy = sqlite3.connect(databases.sqlite_file(service.NAME), isolation_level=None)
    for _ in range(3):
        busy.execute("BEGIN IMMEDIATE")
        threading.Event().wait(0.7)
        busy.execute("COMMIT")
        desk.start(cls)
    busy.close()
    wait_until(lambda: desk.all_finished(cls))

    assert len(desk.notes()) == 9
    assert worker.logged("ERROR", "WARNING") == []
