"""Connections that break, answers that are lost, a server that restarts: nothing is lost, and nothing is done twice."""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from contextlib import suppress
from time import monotonic

import pytest
from django.db import OperationalError, connection, connections

from tests import databases
from tests.conditions import wait_until
from tests.shop.journeys import AsyncNaps, ThreeSteps
from tests.shop.models import Spy
from tests.worker import diary
from tests.worker.cutting import CuttingProxy
from tests.worker.inside import Asked, Heard, at_work, motor_of
from tests.worker.journeys import Atomic, Short, Walk
from tests.worker.private import private_server

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]
servers = pytest.mark.only_on("postgresql", "mariadb")


def kill_connections():
    """End every connection to the test database but the test's own; returns how many."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            return len(cursor.fetchall())
        cursor.execute("SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()")
        ids = [id for (id,) in cursor.fetchall()]
        for id in ids:
            with suppress(OperationalError):  # it has ended meanwhile
                cursor.execute(f"KILL CONNECTION {id}")
        return len(ids)


def all_finished(cls, number):
    return cls.objects.filter(state="finished").count() == number


@servers
def test_connections_that_are_killed_again_and_again_lose_nothing_and_double_nothing(crew):
    journeys = Walk.objects.bulk_create([Walk() for _ in range(150)])
    worker = crew.worker("--concurrency", "4")
    for _ in range(8):
        threading.Event().wait(0.2)
        kill_connections()
    wait_until(lambda: all_finished(Walk, len(journeys)), limit=30)

    assert set(diary.counts().values()) == {1}
    assert len(diary.lines()) == 3 * len(journeys)
    assert {entry for journey in journeys for entry in journey.history.values_list("outcome", flat=True)} == {
        "completed"
    }
    assert worker.stops() == 0


@servers
@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_server_that_dies_in_the_middle_and_comes_back_loses_nothing_and_doubles_nothing(crew):
    with private_server() as server:
        server.run("tests.worker.start_walks", "120")
        worker = crew.worker("--concurrency", "4", environment=server.environment)
        wait_until(lambda: len(diary.lines()) > 60)
        server.kill()
        threading.Event().wait(1.5)
        server.start()
        wait_until(lambda: server.query(FINISHED) == [(120,)], limit=30)

        assert worker.stops() == 0
        assert server.query("SELECT outcome, COUNT(*) FROM stepper_motor_history GROUP BY outcome") == [
            ("completed", 360)
        ]
    assert set(diary.counts().values()) == {1}
    assert len(diary.lines()) == 360


FINISHED = "SELECT COUNT(*) FROM stepper_motor_journeys WHERE state = 'finished'"


@servers
@pytest.mark.parametrize("cls", [ThreeSteps, AsyncNaps])
def test_connections_that_are_killed_while_nobody_uses_them_are_no_failure_of_the_next_step(cls):
    motor = motor_of(cls)
    with Heard(motor) as heard, at_work(motor, concurrency=2):
        for _ in range(4):
            cls.start()
        wait_until(lambda: all_finished(cls, 4))
        threading.Event().wait(1.1)
        assert kill_connections() >= 3
        began = monotonic()
        for _ in range(4):
            cls.start()
        wait_until(lambda: all_finished(cls, 8))
        took = monotonic() - began

    assert took < 3
    assert heard.of("failed") == []
    assert Spy.objects.count() == 8 * (3 if cls is ThreeSteps else 1)


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
def test_a_claim_whose_answer_is_lost_is_found_again(crew, proxy):
    worker = crew.worker(environment=proxy.environment)
    proxy.cut_after(*CLAIM)
    journey = Short.start()
    wait_until(lambda: all_finished(Short, 1), limit=10)

    assert proxy.cuts == 1
    assert diary.words(journey.pk) == ["one", "two", "three"]
    assert [entry.outcome for entry in journey.history.all()] == ["completed"] * 3
    assert worker.names.count("performed") == 3


@servers
@pytest.mark.parametrize("cls", [Short, Walk])
def test_a_settlement_whose_answer_is_lost_is_recognised(crew, proxy, cls):
    """With `Short` it has claimed the following step as well."""
    worker = crew.worker(environment=proxy.environment)
    proxy.cut_after(*SETTLEMENT)
    journey = cls.start()
    wait_until(lambda: all_finished(cls, 1), limit=10)

    assert proxy.cuts == 1
    assert diary.words(journey.pk) == ["one", "two", "three"]
    assert [entry.outcome for entry in journey.history.all()] == ["completed"] * 3
    assert worker.stops() == 0


@servers
def test_an_atomic_step_whose_commit_gets_no_answer_is_recognised(crew, proxy):
    crew.worker(environment=proxy.environment)
    proxy.cut_after("INSERT INTO", "stepper_motor_history", "COMMIT")
    journey = Atomic.start()
    wait_until(lambda: all_finished(Atomic, 1), limit=10)

    assert proxy.cuts == 1
    assert Spy.objects.filter(journey_id=str(journey.pk)).count() == 1
    assert [entry.outcome for entry in journey.history.all()] == ["completed"]


@pytest.mark.only_on("sqlite")
def test_a_database_that_somebody_keeps_busy_is_waited_for_and_is_nobodys_failure(crew):
    worker = crew.worker()
    busy = sqlite3.connect(databases.sqlite_file(databases.name()), isolation_level=None)
    for _ in range(3):
        busy.execute("BEGIN IMMEDIATE")
        threading.Event().wait(0.7)
        busy.execute("COMMIT")
        ThreeSteps.start()
    busy.close()
    wait_until(lambda: all_finished(ThreeSteps, 3))

    assert Spy.objects.count() == 9
    assert worker.logged("ERROR", "WARNING") == []


def test_connections_are_closed_when_they_are_old(monkeypatch):
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 0.5)
    with Asked() as asked, at_work(motor_of(ThreeSteps, recovery_interval=0.2), concurrency=1):
        for number in range(4):
            ThreeSteps.start()
            wait_until(lambda number=number: all_finished(ThreeSteps, number + 1))
            threading.Event().wait(0.6)

    opened = Counter(id(connection) for connection in asked.connections)
    assert sorted(opened.values())[-4] >= 2  # those for claims, steps, settlements and the house
