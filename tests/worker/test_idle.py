"""A worker that has nothing to do: it asks little, and is there at once when something is due."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from time import monotonic

import pytest
from django.db import connection, transaction

from stepper_motor import State, now, step
from stepper_motor.django import Journey
from tests.conditions import wait_until
from tests.worker import diary
from tests.worker.inside import Asked, at_work, locked, motor_of, run_once
from tests.worker.journeys import Short

pytestmark = pytest.mark.django_db(transaction=True)


class Errand(Journey):
    """Notes when it was performed."""

    performed: dict[int, datetime] = {}

    @step
    def run(self):
        self.performed[self.pk] = datetime.now(UTC)


def lateness(journey, due):
    """Seconds between the due time and the performance."""
    performed = wait_until(lambda: Errand.performed.get(journey.pk), limit=10, what="the errand is run")
    return (performed - due).total_seconds()


def move_due(journey, due):
    """As an administrator's hand in the database would."""
    value = connection.ops.adapt_datetimefield_value(due)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE stepper_motor_journeys SET next_step_to_be_performed_at = %s WHERE id = %s", [value, journey.pk]
        )


@pytest.mark.slow
def test_an_idle_worker_asks_at_most_two_queries_a_second_however_many_sleep():
    for _ in range(50):
        Errand.start(at=now() + timedelta(days=1))
    with Asked() as asked, at_work(motor_of(Errand)):
        wait_until(lambda: asked.like("ended_at <="), what="the housekeeper has looked for what is to be deleted")
        before = len(asked.statements)
        threading.Event().wait(3.5)
        queries = len(asked.statements) - before

    assert queries / 3.5 <= 2.0


def test_a_worker_sleeps_until_the_next_due_time_and_not_to_the_next_full_second():
    with at_work(motor_of(Errand)):
        threading.Event().wait(0.2)
        due = now() + timedelta(seconds=0.3)
        journey = Errand.start(at=due)
        late = lateness(journey, due)

    assert 0.0 <= late < 0.15


def test_a_due_time_that_was_changed_behind_its_back_is_honoured_within_a_second():
    journey = Errand.start(at=now() + timedelta(days=1))
    with at_work(motor_of(Errand)):
        threading.Event().wait(0.2)
        due = now()
        move_due(journey, due)
        late = lateness(journey, due)

    assert late < 1.2


def test_what_becomes_due_in_this_process_wakes_the_worker_at_once():
    late = []
    with at_work(motor_of(Errand)):
        for _ in range(5):
            threading.Event().wait(0.1)
            due = now()
            late.append(lateness(Errand.start(), due))

    assert sorted(late)[2] < 0.1


def test_what_was_rolled_back_wakes_nobody_and_what_was_committed_is_found_then():
    with at_work(motor_of(Errand)):
        threading.Event().wait(0.2)
        with transaction.atomic():
            journey = Errand.start()
            threading.Event().wait(0.2)
            assert journey.pk not in Errand.performed
            committed = now()
        late = lateness(journey, committed)

    assert late < 0.3


@pytest.mark.only_on("postgresql")
@pytest.mark.processes
def test_a_commit_elsewhere_wakes_a_worker_by_notify(crew):
    crew.worker()
    wait_until(_somebody_listens, what="LISTEN")
    waited = []
    for _ in range(9):
        threading.Event().wait(0.1)
        began = monotonic()
        journey = Short.start()
        wait_until(lambda journey=journey: "one" in diary.words(journey.pk), limit=5)
        waited.append(monotonic() - began)

    assert sorted(waited)[4] < 0.1


def _somebody_listens():
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%%'")
        return cursor.fetchone()


@pytest.mark.processes
def test_a_commit_elsewhere_is_found_within_a_second_everywhere(crew):
    crew.worker()
    began = monotonic()
    journey = Short.start()
    wait_until(lambda: "one" in diary.words(journey.pk), limit=5)

    assert monotonic() - began < 1.5


@pytest.mark.only_on("postgresql", "mariadb")
def test_a_due_row_that_others_have_locked_is_waited_for_without_haste():
    journey = Errand.start()
    with ExitStack() as lock:
        lock.enter_context(locked(journey))
        with Asked() as asked, at_work(motor_of(Errand)):
            wait_until(lambda: asked.statements)
            threading.Event().wait(2.0)
            asked_while_locked = len(asked.statements)
            assert journey.pk not in Errand.performed
            lock.close()
            late = lateness(journey, now())

    assert asked_while_locked < 60
    assert late < 1.2


def test_a_row_of_a_step_nobody_knows_is_left_alone_in_its_grace_and_then_paused():
    journey = Errand.start()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE stepper_motor_journeys SET next_step_name = 'gone' WHERE id = %s", [journey.pk])
    run_once(motor_of(Errand))
    assert Errand.objects.get(pk=journey.pk).state == State.READY

    run_once(motor_of(Errand, unknown_step_grace=0.0))

    journey.refresh_from_db()
    assert journey.state == State.PAUSED
    assert "gone" in journey.reason
    assert journey.steps_entered == 0
