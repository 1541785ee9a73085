"""What the worker does, inside the test's own process."""

from __future__ import annotations

import _thread
import asyncio
import ctypes
import threading
from datetime import timedelta

import pytest

from stepper_motor import State, now, step
from stepper_motor.django import Journey
from stepper_motor.motor.clock import SetClock, installing
from tests.conditions import wait_until
from tests.shop.models import Customer
from tests.worker.inside import at_work, left_threads, motor_of, run_once

pytestmark = pytest.mark.django_db(transaction=True)


def ended(*journeys):
    """Whether none of these goes on by itself any more."""
    ids = [journey.pk for journey in journeys]
    return not Journey.objects.filter(pk__in=ids, state__in=["ready", "performing"]).exists()


def test_what_is_due_is_performed_the_longest_due_first():
    told = []

    class Errand(Journey):
        @step
        def run(self):
            told.append(self.data["number"])

    for number in (3, 1, 2):
        with installing(SetClock(now() - timedelta(hours=9 - number))):
            Errand.start(data={"number": number})
    run_once(motor_of(Errand), concurrency=1)

    assert told == [1, 2, 3]


def test_once_ends_when_nothing_is_due_any_more_and_leaves_what_is_due_later():
    class Later(Journey):
        @step
        def soon(self): ...

        @step(wait=timedelta(hours=1))
        def late(self): ...

    journey = Later.start()
    run_once(motor_of(Later))

    journey.refresh_from_db()
    assert (journey.state, journey.next_step_name) == (State.READY, "late")


def _raise(error):
    raise error


def _kill_own_thread():
    """As a debugger or a time-out library does it."""
    own = ctypes.c_ulong(threading.get_ident())
    ctypes.pythonapi.PyThreadState_SetAsyncExc(own, ctypes.py_object(SystemExit))
    for _ in range(1_000_000):
        pass


RAISING = {
    "error": lambda: _raise(RuntimeError("broken")),
    "SystemExit": lambda: _raise(SystemExit(3)),
    "KeyboardInterrupt": lambda: _raise(KeyboardInterrupt()),
    "GeneratorExit": lambda: _raise(GeneratorExit()),
    "StopIteration": lambda: _raise(StopIteration(7)),
    "group": lambda: _raise(BaseExceptionGroup("several", [SystemExit(1), ValueError("x")])),
    "thread exit": _thread.exit,
    "killed": _kill_own_thread,
}


def test_a_step_that_raises_whatever_it_may_stops_nobody_else():
    class Broken(Journey):
        @step
        def fall(self):
            RAISING[self.data["by"]]()

    class Sound(Journey):
        @step
        def stand(self): ...

    broken = [Broken.start(data={"by": by}) for by in RAISING]
    motor = motor_of(Broken, Sound)
    with at_work(motor, concurrency=1):
        sound = Sound.start()
        wait_until(lambda: ended(*broken, sound))
        after = Sound.start()
        wait_until(lambda: ended(after))

    assert Sound.objects.finished().count() == 2
    assert Broken.objects.paused().count() == len(RAISING)
    assert all(journey.history.get().error_class for journey in broken)


NONSENSE = [None, 42, object(), "paused", [1], NotImplemented, type, iter([])]


def test_a_step_that_returns_nonsense_has_ended_normally():
    class Odd(Journey):
        @step
        def give(self):
            return NONSENSE[self.data["number"]]

    for number in range(len(NONSENSE)):
        Odd.start(data={"number": number})
    run_once(motor_of(Odd))

    assert Odd.objects.finished().count() == len(NONSENSE)


def test_a_task_that_an_async_step_made_cannot_end_the_loop_of_the_others():
    async def leave():
        raise SystemExit(3)

    class Careless(Journey):
        @step
        async def spawn(self):
            self.task = asyncio.create_task(leave())
            self.task.add_done_callback(lambda task: task.exception())
            await asyncio.sleep(0.05)

    class Sound(Journey):
        @step
        async def stand(self):
            await asyncio.sleep(0.2)

    careless, sound = Careless.start(), Sound.start()
    with at_work(motor_of(Careless, Sound)):
        wait_until(lambda: ended(careless, sound))

    sound.refresh_from_db()
    assert sound.state == State.FINISHED


def test_a_sync_body_that_takes_long_holds_up_no_async_step():
    class Slow(Journey):
        @step
        def hold(self):
            go.wait(30)

    class Quick(Journey):
        @step
        async def pass_by(self):
            await asyncio.sleep(0)

    go = threading.Event()
    slow = [Slow.start() for _ in range(3)]
    with at_work(motor_of(Slow, Quick), concurrency=1):
        quick = [Quick.start() for _ in range(20)]
        wait_until(lambda: ended(*quick), limit=10)
        assert not ended(*slow)
        go.set()
        wait_until(lambda: ended(*slow))


def test_a_worker_leaves_no_thread_behind():
    class Mixed(Journey):
        @step
        def sync(self): ...

        @step
        async def awaited(self):
            await Customer.objects.acreate(name="made by an async step")

    Mixed.start()
    before = set(left_threads())
    run_once(motor_of(Mixed))

    assert Customer.objects.get().name == "made by an async step"
    wait_until(lambda: set(left_threads()) <= before, limit=5)
