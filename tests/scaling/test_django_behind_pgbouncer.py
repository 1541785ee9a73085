"""PgBouncer in transaction mode between the processes of a Django project and PostgreSQL: nothing is lost, and nothing
is done twice."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from time import monotonic

import pytest
from django.db import connection

from tests.conditions import wait_until
from tests.shop.models import Spy
from tests.worker import diary
from tests.worker.journeys import Atomic, GatedOnce, Short, Walk

pytestmark = [
    pytest.mark.processes,
    pytest.mark.only_on("postgresql"),
    pytest.mark.django_db(transaction=True),
]


def start_walks(number, bouncer):
    """In another process, which reaches the database through PgBouncer."""
    environment = {**os.environ, **bouncer.environment, "DJANGO_SETTINGS_MODULE": "tests.worker.settings"}
    subprocess.run([sys.executable, "-m", "tests.worker.start_walks", str(number)], env=environment, check=True)


def all_finished(cls, number=1):
    return cls.objects.filter(state="finished").count() == number


def outcomes(journey):
    return [entry.outcome for entry in journey.history.all()]


def notify(times):
    with connection.cursor() as cursor:
        for _ in range(times):
            cursor.execute("NOTIFY stepper_motor")


def test_more_workers_than_connections_perform_every_step_once_and_log_no_error(crew, bouncer):
    start_walks(150, bouncer)
    workers = [crew.worker("--concurrency", "4", environment=bouncer.environment) for _ in range(3)]
    wait_until(lambda: all_finished(Walk, 150), limit=60)
    clients, servers = (
        [each for each in bouncer.show(what) if each["database"] != "pgbouncer"] for what in ("CLIENTS", "SERVERS")
    )

    assert len(servers) <= 4 < len(clients)
    assert len(diary.lines()) == 450
    assert set(diary.counts().values()) == {1}
    assert [worker.stops() for worker in workers] == [0, 0, 0]
    assert [worker.logged("ERROR", "WARNING") for worker in workers] == [[], [], []]


def test_what_is_started_through_it_is_found_within_a_second_by_a_worker_behind_it(crew, bouncer):
    crew.worker(environment=bouncer.environment)
    began = monotonic()
    journey = Short.start()
    wait_until(lambda: all_finished(Short))

    assert monotonic() - began < 2
    assert diary.words(journey.pk) == ["one", "two", "three"]


def test_what_is_started_through_it_wakes_a_worker_that_goes_straight_to_the_server(crew, bouncer):
    crew.worker(POLL_INTERVAL=30)
    wait_until(_somebody_listens, what="LISTEN")
    start_walks(1, bouncer)
    wait_until(lambda: diary.words() == ["one", "two", "three"], limit=10)


def _somebody_listens():
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%%'")
        return cursor.fetchone()


def test_a_worker_behind_it_leaves_no_listen_on_a_connection_that_others_are_given(crew, bouncer):
    """They would be told of every journey, and psycopg keeps for ever what nobody asks for."""
    crew.worker(environment=bouncer.environment)
    Short.start()
    wait_until(lambda: all_finished(Short))
    with bouncer.connect() as other:
        for _ in range(20):
            notify(1)
            other.execute("SELECT 1")
        told = list(other.notifies(timeout=0.1))

    assert told == []
    assert "not linked" not in bouncer.log


def test_a_killed_workers_step_is_taken_over_when_its_lease_is_over(crew, bouncer):
    journey = GatedOnce.start()
    doomed = crew.worker(environment=bouncer.environment)
    wait_until(lambda: diary.words(journey.pk) == ["began"])
    doomed.kill()
    other = crew.worker(environment=bouncer.environment)
    wait_until(lambda: all_finished(GatedOnce), limit=15)

    assert outcomes(journey) == ["lost", "completed", "completed"]
    assert diary.words(journey.pk) == ["began", "began", "ended", "went on"]
    assert other.stops() == 0


def test_a_lease_is_renewed_through_it_for_as_long_as_the_step_runs(crew, bouncer):
    journey = GatedOnce.start()
    worker, other = (crew.worker(environment=bouncer.environment, RECOVERY_INTERVAL=0.1) for _ in range(2))
    wait_until(lambda: diary.words(journey.pk) == ["began"])
    threading.Event().wait(2 * GatedOnce.lease.total_seconds())
    diary.open_gate()
    wait_until(lambda: all_finished(GatedOnce))

    assert outcomes(journey) == ["completed", "completed"]
    assert not {"recovered", "trouble"} & {*worker.names, *other.names}


def test_an_atomic_step_and_its_settlement_are_one_transaction_through_it(crew, bouncer):
    journeys = [Atomic.start() for _ in range(40)]
    worker = crew.worker("--concurrency", "8", environment=bouncer.environment)
    wait_until(lambda: all_finished(Atomic, 40))

    assert Spy.objects.count() == 40
    assert {outcome for journey in journeys for outcome in outcomes(journey)} == {"completed"}
    assert worker.logged("ERROR", "WARNING") == []


@pytest.mark.slow
def test_when_it_restarts_in_the_middle_nothing_is_lost_and_nothing_doubled(crew, bouncer):
    start_walks(300, bouncer)
    # A claim that reaches the database after its worker has asked what became of it is left to its lease.
    workers = [crew.worker("--concurrency", "4", environment=bouncer.environment, LEASE=8) for _ in range(2)]
    for lines in (100, 400):
        wait_until(lambda lines=lines: len(diary.lines()) > lines)
        bouncer.kill()
        threading.Event().wait(0.5)
        bouncer.start()
    wait_until(lambda: all_finished(Walk, 300), limit=60)

    assert len(diary.lines()) == 900
    assert set(diary.counts().values()) == {1}
    assert set(Walk.History.objects.values_list("outcome", flat=True)) <= {"completed", "lost"}
    assert [worker.stops() for worker in workers] == [0, 0]


@pytest.mark.parametrize("command", [["doctor"], ["housekeep"], ["list"], ["types"]])
def test_the_commands_work_through_it(crew, bouncer, command):
    Walk.start()
    told = crew.start(*command, environment=bouncer.environment)

    assert told.ends() == 0, told.output
