"""One bad row never fails its group, and one locked row keeps none of the others waiting."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from decimal import Decimal

import pytest
from django.db import connection

from stepper_motor import State, step
from stepper_motor.django import Journey
from stepper_motor.motor.housekeeping import Housekeeper
from tests.conditions import wait_until
from tests.shop.models import Payment, PaymentJourney
from tests.worker.inside import Heard, at_work, locked, motor_of, run_once

pytestmark = pytest.mark.django_db(transaction=True)


class Together(Journey):
    """All of its bodies end at the same moment, so that they are settled as one group."""

    meeting = threading.Barrier(1)

    @step
    def meet(self):
        type(self).meeting.wait(10)
        self.data["met"] = True
        if "refused" in self.data:
            self.data["refused"] = "a\x00b"  # PostgreSQL's jsonb takes no NUL
        if "no json" in self.data:
            self.data["no json"] = object()


def start_together(number, *odd):
    Together.meeting = threading.Barrier(number + len(odd))
    return [Together.start() for _ in range(number)], [Together.start(data=data) for data in odd]


def perform(motor, number):
    run_once(motor, concurrency=number)


@pytest.mark.only_on("postgresql")
def test_data_that_the_database_refuses_is_an_exception_of_its_step_and_the_others_are_written():
    good, (bad,) = start_together(6, {"refused": ""})
    motor = motor_of(Together)
    with Heard(motor) as heard:
        perform(motor, 7)

    assert Together.objects.finished().count() == len(good)
    bad.refresh_from_db()
    assert (bad.state, bad.data) == (State.PAUSED, {"refused": ""})
    entry = bad.history.get()
    assert (entry.outcome, entry.error_class) == ("failed", "django.db.utils.DataError")
    assert [event.outcome for event in heard.of("failed")] == ["failed"]
    assert bad.steps_entered == 1


def test_data_that_is_no_json_is_an_exception_of_its_step_and_the_others_are_written():
    good, (bad,) = start_together(3, {"no json": ""})
    perform(motor_of(Together), 4)

    assert Together.objects.finished().count() == len(good)
    bad.refresh_from_db()
    assert (bad.state, bad.history.get().error_class) == (State.PAUSED, "TypeError")


def test_an_own_column_that_the_database_refuses_is_an_exception_of_its_step():
    """SQLite refuses nothing, but then the row can't be read any more: it comes to the same."""
    payments = [Payment.objects.create(amount=Decimal(amount)) for amount in range(3)]
    journeys = [PaymentJourney.start(payment) for payment in payments]
    Overdrawn.amount_of = {payments[1].pk: Decimal("1e15")}
    overdrawn = [Overdrawn.start(payment) for payment in payments]
    run_once(motor_of(PaymentJourney, Overdrawn))

    assert [PaymentJourney.objects.get(pk=j.pk).next_step_name for j in journeys] == ["confirm"] * 3
    states = [Overdrawn.objects.filter(pk=journey.pk).values_list("state", flat=True).get() for journey in overdrawn]
    assert [str(state) for state in states] == ["finished", "paused", "finished"]
    assert "failed" in overdrawn[1].history.values_list("outcome", flat=True)


class Overdrawn(PaymentJourney):
    amount_of = {}

    @step
    def initiate(self):
        self.amount = self.amount_of.get(self.hero.pk, Decimal(5))

    @step
    def confirm(self): ...


@pytest.mark.only_on("postgresql", "mariadb")
def test_the_others_of_a_group_are_settled_while_one_row_is_locked():
    journeys, _ = start_together(5)
    Together.meeting = threading.Barrier(6)
    with at_work(motor_of(Together), concurrency=5), ExitStack() as lock:
        wait_until(lambda: Together.meeting.n_waiting == 5)
        lock.enter_context(locked(journeys[2]))
        Together.meeting.wait()
        wait_until(lambda: Together.objects.finished().count() == 4, limit=3)
        later = Together.start()
        Together.meeting = threading.Barrier(1)
        wait_until(lambda: Together.objects.get(pk=later.pk).state == State.FINISHED, limit=3)
        lock.close()
        wait_until(lambda: Together.objects.finished().count() == 6, limit=3)


UNREADABLE = {
    "sqlite": "UPDATE stepper_motor_journeys SET created_at = '2026-13-45 00:00:00' WHERE id = %s",
    "postgresql": "UPDATE stepper_motor_journeys SET created_at = 'infinity' WHERE id = %s",
    "mysql": "UPDATE stepper_motor_journeys SET created_at = 0 WHERE id = %s",
}


def make_unreadable(journey):
    """A value that the database takes, and for which Python has no form."""
    with connection.cursor() as cursor:
        if connection.vendor == "mysql":
            cursor.execute("SET SESSION sql_mode = ''")
        cursor.execute(UNREADABLE[connection.vendor], [journey.pk])
        if connection.vendor == "mysql":
            cursor.execute("SET SESSION sql_mode = DEFAULT")


def test_a_row_that_cannot_be_read_is_paused_and_hides_no_other():
    good, bad = [Together.start() for _ in range(3)], Together.start()
    Together.meeting = threading.Barrier(1)
    make_unreadable(bad)
    motor = motor_of(Together)
    with Heard(motor) as heard:
        run_once(motor, concurrency=1)

    assert [event.detail for event in heard.of("trouble")] == [f"journey {bad.pk} can't be read: it is paused"]
    state, reason = Together.objects.filter(pk=bad.pk).values_list("state", "reason").get()
    assert (state, "can't be read" in reason) == (State.PAUSED, True)
    assert all(Together.objects.get(pk=journey.pk).state == State.FINISHED for journey in good)


def test_a_lost_row_that_cannot_be_read_is_paused_by_the_recovery_and_hides_no_other_loss():
    lost = [Together.start() for _ in range(3)]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE stepper_motor_journeys SET state = 'performing', performed_by = 'somebody who died', "
            "lease_expires_at = arrived_at"
        )
    make_unreadable(lost[1])
    motor = motor_of(Together)
    with Heard(motor) as heard:
        recovered, failed = Housekeeper(motor).recover()

    assert (recovered, failed) == (3, 0)
    assert len(heard.of("trouble")) == 1
    states = Together.objects.order_by("pk").values_list("state", flat=True)
    assert [str(state) for state in states] == ["ready", "paused", "ready"]
