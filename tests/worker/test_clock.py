"""A worker under a clock that runs faster than the world's: waits are the clock's, leases and polling are real time."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from time import monotonic

import pytest

from stepper_motor import now, step
from stepper_motor.django import Journey
from stepper_motor.motor.clock import FastClock, installing
from tests.conditions import wait_until
from tests.shop.journeys import Drip
from tests.worker.inside import Heard, at_work, motor_of

pytestmark = pytest.mark.django_db(transaction=True)

DAY = 86400


def test_a_month_passes_in_seconds_and_every_wait_is_kept():
    motor = motor_of(Drip)
    with installing(FastClock(speed=20 * DAY, origin=datetime.now(UTC))), Heard(motor) as heard, at_work(motor):
        began = monotonic()
        journey = Drip.start()
        wait_until(lambda: Drip.objects.finished().exists())
        took = monotonic() - began

    entries = list(journey.history.all())
    apart = [after.started_at - before.finished_at for before, after in pairwise(entries)]
    assert [entry.step_name for entry in entries] == ["welcome", "remind", "farewell"]
    assert timedelta(days=2) <= apart[0] < timedelta(days=12)
    assert timedelta(days=30) <= apart[1] < timedelta(days=40)
    assert took < 6
    assert heard.of("failed", "lost", "trouble") == []


def test_a_lease_is_real_time_and_renewed_in_real_time():
    class Held(Journey):
        lease = 1

        @step
        def hold(self):
            go.wait(30)

    go = threading.Event()
    motor = motor_of(Held, recovery_interval=0.1)
    with installing(FastClock(speed=DAY, origin=datetime.now(UTC))), Heard(motor) as heard, at_work(motor):
        journey = Held.start()
        first = wait_until(lambda: Held.objects.get().lease_expires_at)
        left = first - now()
        wait_until(lambda: Held.objects.get().lease_expires_at > first, limit=2, what="it is renewed")
        threading.Event().wait(1.5)
        go.set()
        wait_until(lambda: Held.objects.finished().exists())

    assert timedelta(days=0.3) < left <= timedelta(days=1)
    assert heard.of("recovered", "lost") == []
    assert journey.history.count() == 1
