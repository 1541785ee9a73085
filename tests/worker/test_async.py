"""Async steps: hundreds are awaited at once by one process, with a handful of connections."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from time import monotonic

import pytest

from stepper_motor import State, step
from stepper_motor.django import Journey
from tests.conditions import wait_until
from tests.shop.models import Customer, Spy
from tests.worker.inside import Asked, Heard, at_work, motor_of, run_once

pytestmark = pytest.mark.django_db(transaction=True)


def start_many(cls, number):
    cls.objects.bulk_create([cls() for _ in range(number)])


def finished(cls):
    return cls.objects.filter(state="finished").count()


def test_three_hundred_naps_take_little_longer_than_one():
    class Nap(Journey):
        @step
        async def nap(self):
            await asyncio.sleep(0.2)

    start_many(Nap, 300)
    with at_work(motor_of(Nap)):
        began = monotonic()
        wait_until(lambda: finished(Nap) == 300)
        took = monotonic() - began

    assert took < 3.0  # one after the other they would take 60 s


def test_orm_calls_of_many_async_steps_share_a_few_connections():
    class Writer(Journey):
        @step
        async def write(self):
            await Spy.objects.acreate(journey_id=str(self.pk), word="began")
            await asyncio.sleep(0.05)
            await Spy.objects.acreate(journey_id=str(self.pk), word="ended")

        @step
        async def read(self):
            assert await Spy.objects.filter(journey_id=str(self.pk)).acount() == 2

    start_many(Writer, 100)
    with Asked() as asked:
        run_once(motor_of(Writer))

    assert finished(Writer) == 100
    assert len({id(connection) for connection in asked.connections}) <= 10


def test_no_more_are_awaited_at_once_than_were_asked_for():
    most = 0

    class Crowd(Journey):
        @step
        async def gather(self):
            nonlocal most
            most = max(most, len(inside := present | {self.pk}))
            present.update(inside)
            await asyncio.sleep(0.02)
            present.discard(self.pk)

    present: set[int] = set()
    start_many(Crowd, 40)
    run_once(motor_of(Crowd), async_concurrency=7)

    assert finished(Crowd) == 40
    assert most == 7


def test_an_async_step_that_takes_longer_than_its_timeout_is_cancelled_and_fails():
    cleaned = threading.Event()

    class Late(Journey):
        @step(timeout=0.1)
        async def dawdle(self):
            try:
                await asyncio.sleep(60)
            finally:
                cleaned.set()

    journey = Late.start()
    run_once(motor_of(Late))

    journey.refresh_from_db()
    entry = journey.history.get()
    assert cleaned.is_set()
    assert journey.state == State.PAUSED
    assert (entry.outcome, entry.error_class) == ("failed", "stepper_motor.journeys.errors.StepTimeout")


def test_an_async_step_may_use_every_verb():
    class Verbal(Journey):
        @step
        async def decide(self):
            await asyncio.sleep(0)
            getattr(self, self.data["verb"])()

        @step
        async def follow(self): ...

    journeys = {verb: Verbal.start(data={"verb": verb}) for verb in ("cancel", "pause", "skip", "finish")}
    run_once(motor_of(Verbal))

    for journey in journeys.values():
        journey.refresh_from_db()
    states = {verb: str(journey.state) for verb, journey in journeys.items()}
    assert states == {"cancel": "canceled", "pause": "paused", "skip": "finished", "finish": "finished"}
    assert journeys["finish"].steps_entered == 1


def test_async_conditions_and_hooks_are_awaited():
    told = []

    class Hooked(Journey):
        async def is_dull(self):
            return await Customer.objects.acount() == 0

        async def before_step_starts(self, step):
            told.append(f"before {step}")

        async def after_finish(self):
            told.append(f"finished with {await Customer.objects.acount()} customers")

        @step(skip_if="is_dull")
        def dull(self):
            told.append("dull")

        @step
        async def live(self):
            told.append("live")

    Hooked.start()
    run_once(motor_of(Hooked))

    assert told == ["before live", "live", "finished with 0 customers"]


def test_a_step_that_blocks_the_event_loop_does_not_silence_the_heartbeat():
    class Blocking(Journey):
        lease = 1

        @step
        async def block(self):
            threading.Event().wait(2.5)

    journey, motor = Blocking.start(), motor_of(Blocking, recovery_interval=0.1)
    with Heard(motor) as heard:
        run_once(motor)

    journey.refresh_from_db()
    assert journey.state == State.FINISHED
    assert heard.of("recovered", "settled_by_another") == []


def test_a_connection_that_an_async_step_broke_serves_the_next_one():
    class Breaking(Journey):
        on_exception = "cancel"

        @step
        async def break_it(self):
            with suppress(Exception):
                await asyncio.gather(*[Customer.objects.raw("SELECT nonsense FROM nowhere").afirst() for _ in range(9)])
            await _close_the_driver()
            await Customer.objects.acount()

    class Sound(Journey):
        @step
        async def work(self):
            await Customer.objects.acount()

    Breaking.start()
    run_once(motor_of(Breaking))
    start_many(Sound, 20)
    run_once(motor_of(Sound))

    assert finished(Sound) == 20


async def _close_the_driver():
    from asgiref.sync import sync_to_async
    from django.db import connection

    await sync_to_async(lambda: connection.connection.close())()
