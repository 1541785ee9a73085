"""What a worker holds: rows that wait for a thread, attempts that outlived their lease, tables that are broken."""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager
from datetime import timedelta

import pytest
from django.db import connection

from stepper_motor import State, now, step
from stepper_motor.django import Journey
from tests.conditions import wait_until
from tests.shop.models import Payment, PaymentJourney
from tests.worker.inside import Heard, at_work, motor_of, run_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def gate():
    """Bodies wait for it; it is opened at the end, however the test ends."""
    gate = threading.Event()
    yield gate
    gate.set()


def state_of(journey):
    return type(journey).objects.get(pk=journey.pk).state


def test_what_a_busy_worker_claimed_ahead_is_given_to_one_that_is_free(gate):
    class Long(Journey):
        @step
        def last(self):
            if self.data.get("long"):
                gate.wait(30)

    long = Long.start(data={"long": True})
    with at_work(motor_of(Long), concurrency=1):
        wait_until(lambda: state_of(long) == State.PERFORMING)
        short = [Long.start() for _ in range(2)]
        wait_until(lambda: Long.objects.performing().count() == 3, what="they are claimed ahead")
        with at_work(motor_of(Long), concurrency=1):
            wait_until(lambda: all(state_of(journey) == State.FINISHED for journey in short), limit=5)
        gate.set()

    assert [journey.history.count() for journey in short] == [1, 1]


def test_a_journey_that_is_stopped_while_it_waits_for_a_thread_is_let_go_and_its_hook_called(gate):
    called = []

    class Queued(Journey):
        def after_pause(self):
            called.append(("paused", self.pk))

        def after_cancel(self):
            called.append(("canceled", self.pk))

        @step
        def wait_for_it(self):
            gate.wait(30)

    first = Queued.start()
    with at_work(motor_of(Queued), concurrency=1):
        wait_until(lambda: state_of(first) == State.PERFORMING)
        paused, canceled = Queued.start(), Queued.start()
        wait_until(lambda: Queued.objects.performing().count() == 3)
        paused.pause()
        canceled.cancel()
        wait_until(lambda: len(called) == 2, limit=5)
        gate.set()

    paused.refresh_from_db()
    canceled.refresh_from_db()
    assert (paused.state, paused.performed_by, paused.steps_entered) == (State.PAUSED, None, 0)
    assert (canceled.state, canceled.performed_by, canceled.steps_entered) == (State.CANCELED, None, 0)
    assert sorted(called) == sorted([("paused", paused.pk), ("canceled", canceled.pk)])
    assert [entry.outcome for entry in paused.history.all()] == ["paused"]


def test_a_sync_step_over_its_timeout_is_lost_and_when_it_ends_at_last_it_disturbs_nobody(gate):
    class Stuck(Journey):
        lease = 1

        @step(timeout=0.2)
        def hang(self):
            if self.attempts == 0:
                gate.wait(30)

        @step
        def follow(self): ...

    motor = motor_of(Stuck, recovery_interval=0.1)
    with Heard(motor) as heard, at_work(motor, concurrency=2) as worker:
        journey = Stuck.start()
        wait_until(lambda: state_of(journey) == State.FINISHED and len(worker.held()) == 1, limit=8)
        gate.set()
        wait_until(lambda: heard.of("settled_by_another"))

    journey.refresh_from_db()
    assert [entry.outcome for entry in journey.history.all()] == ["lost", "completed", "completed"]
    assert journey.steps_entered == 2


def test_two_attempts_that_end_at_the_same_moment_are_settled_as_one_that_is_lost_and_one_that_counts(gate):
    class Twice(Journey):
        lease = 1

        @step(timeout=0.2)
        def hang(self):
            gate.wait(30)

        @step(wait=3600)
        def follow(self): ...

    motor = motor_of(Twice, recovery_interval=0.1)
    with Heard(motor) as heard, at_work(motor, concurrency=2):
        journey = Twice.start()
        wait_until(lambda: Twice.objects.get().attempts == 1 and state_of(journey) == State.PERFORMING, limit=8)
        gate.set()
        wait_until(lambda: heard.of("settled_by_another") and heard.of("performed"))

    journey.refresh_from_db()
    assert (journey.state, journey.next_step_name, journey.steps_entered) == (State.READY, "follow", 1)
    assert [entry.outcome for entry in journey.history.all()] == ["lost", "completed"]


def test_a_hook_that_raises_whatever_it_may_ends_no_housekeeping():
    class Lost(Journey):
        if_lost = "cancel"

        def after_cancel(self):
            raise SystemExit(3)

        @step
        def work(self): ...

    lost = [Lost.start(at=now() + timedelta(hours=1)) for _ in range(3)]
    with at_work(motor_of(Lost, recovery_interval=0.1, lease=1)):
        for journey in lost:
            _lose(journey)
            wait_until(lambda journey=journey: state_of(journey) == State.CANCELED, limit=5)

    for journey in lost:
        assert [entry.outcome for entry in journey.history.all()] == ["lost", "hook_failed"]


def _lose(journey):
    """As if its performer had died."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE stepper_motor_journeys SET state = 'performing', performed_by = 'somebody who died', "
            "lease_expires_at = arrived_at WHERE id = %s",
            [journey.pk],
        )


def test_a_table_that_is_gone_stops_no_journey_of_another_table():
    class Sound(Journey):
        @step
        def stand(self): ...

    PaymentJourney.start(Payment.objects.create())
    motor = motor_of(PaymentJourney, Sound)
    assert len(motor.stores) == 2
    with Heard(motor) as heard, ExitStack() as gone:
        gone.enter_context(_renamed("shop_paymentjourney"))
        sound = Sound.start()
        with at_work(motor):
            wait_until(lambda: state_of(sound) == State.FINISHED, limit=5)
            wait_until(lambda: heard.of("trouble"))
            after = Sound.start()
            wait_until(lambda: state_of(after) == State.FINISHED, limit=5)
            gone.close()
            wait_until(lambda: PaymentJourney.objects.get().next_step_name == "confirm", limit=5)


@contextmanager
def _renamed(table):
    away = f"{table}_away"
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO {away}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {away} RENAME TO {table}")


def test_a_worker_with_many_due_journeys_and_few_threads_performs_each_once():
    class Busy(Journey):
        @step
        def one(self):
            threading.Event().wait(0.002)
            with lock:
                performed.append((self.pk, 1))

        @step
        def two(self):
            with lock:
                performed.append((self.pk, 2))

    performed, lock = [], threading.Lock()
    Busy.objects.bulk_create([Busy() for _ in range(200)])
    run_once(motor_of(Busy), concurrency=3)

    assert len(performed) == len(set(performed)) == 400
