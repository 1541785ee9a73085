"""`async def` steps performed by hand, from sync and from async code. SEMANTICS 1 and 4."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import connection, connections, transaction

from stepper_motor import (
    Canceled,
    Completed,
    Finished,
    InvalidState,
    Jumped,
    Paused,
    Reattempted,
    Skipped,
    State,
    StepperMotorError,
    step,
)
from stepper_motor.django import Journey, motor
from stepper_motor.motor.worker import Worker
from tests.django.seen import found, last_entry, row_of, told
from tests.shop.models import Customer, Spy

pytestmark = pytest.mark.django_db

where = contextvars.ContextVar("where", default="outside")


def asynchronous(body, **options):
    class Asynchronous(Journey[Customer]):
        work = step(body, name="work", **options)
        more = step(lambda self: None, name="more")

    return Asynchronous


async def asks_the_database(self):
    await asyncio.sleep(0)
    await Spy.objects.acreate(journey_id=str(self.pk), word=(await self.ahero()).name)
    self.data["spies"] = await Spy.objects.acount()


def test_an_async_body_is_awaited_and_uses_the_orm(customer):
    journey = asynchronous(asks_the_database).start(customer)
    assert journey.perform_next_step() == Completed()
    assert (journey.next_step_name, journey.data) == ("more", {"spies": 1})
    assert Spy.objects.get().word == "Ada"


def test_a_sync_body_may_give_something_to_await(customer):
    journey = asynchronous(lambda self: asks_the_database(self)).start(customer)
    assert journey.perform_next_step() == Completed()
    assert journey.data == {"spies": 1}


def test_performed_from_async_code(customer):
    async def perform():
        journey = await asynchronous(asks_the_database).astart(customer)
        outcomes = [await journey.aperform_next_step(), await journey.aperform_next_step()]
        assert await journey.ahas_completed("work")
        return journey, outcomes

    journey, outcomes = async_to_sync(perform)()
    assert outcomes == [Completed(), Completed()]
    assert row_of(journey).state == State.FINISHED


def test_a_sync_step_performed_from_async_code_runs_in_a_thread(customer):
    async def perform():
        journey = await asynchronous(lambda self: threads.append(threading.get_ident())).astart(customer)
        await journey.aperform_next_step()
        return threading.get_ident()

    threads = []
    loop_thread = async_to_sync(perform)()
    assert threads
    assert threads[0] != loop_thread


VERBS = [
    (lambda self: self.acancel("no"), Canceled("no")),
    (lambda self: self.apause("no"), Paused("no")),
    (lambda self: self.askip(), Skipped()),
    (lambda self: self.areattempt(timedelta(hours=1)), Reattempted(timedelta(hours=1))),
    (lambda self: self.ajump_to("more"), Jumped("more")),
    (lambda self: self.afinish(), Finished()),
]


@pytest.mark.parametrize(("verb", "outcome"), VERBS)
def test_a_verb_with_an_a_leaves_the_body_as_well(verb, outcome, customer):
    async def body(self):
        await verb(self)
        raise AssertionError("it went on")

    assert asynchronous(body).start(customer).perform_next_step() == outcome


@pytest.mark.parametrize("verb", ["cancel", "pause", "skip", "reattempt", "finish"])
def test_so_does_one_without(verb, customer):
    async def body(self):
        getattr(self, verb)()
        raise AssertionError("it went on")

    asynchronous(body).start(customer).perform_next_step()
    assert Journey.objects.get().steps_entered == 1


def test_a_verb_in_a_task_of_the_body_leaves_it(customer):
    async def body(self):
        await asyncio.create_task(self.say_so())

    class InTask(Journey[Customer]):
        work = step(body, name="work")

        async def say_so(self):
            self.cancel("from a task")

    assert InTask.start(customer).perform_next_step() == Canceled("from a task")


def test_a_verb_in_sync_code_called_from_an_async_body(customer):
    async def body(self):
        await sync_to_async(self.cancel)("from a thread")

    assert asynchronous(body).start(customer).perform_next_step() == Canceled("from a thread")


def test_what_else_does_io_has_a_twin_that_works_inside_a_step(customer):
    async def body(self):
        self.data["done before"] = await self.ahas_completed("more")
        assert await self.aperform_next_step() is None
        await self.asave()
        await self.arefresh_from_db()

    journey = asynchronous(body).start(customer)
    assert journey.perform_next_step() == Completed()
    assert journey.data == {"done before": False}


def test_a_body_that_cancels_itself_is_an_exception(customer):
    async def body(self):
        asyncio.current_task().cancel()
        await asyncio.sleep(10)

    journey = asynchronous(body).start(customer)
    with pytest.raises(asyncio.CancelledError):
        journey.perform_next_step()
    assert (journey.state, last_entry(journey).error_class) == (State.PAUSED, "asyncio.exceptions.CancelledError")


@pytest.mark.django_db(transaction=True)
def test_a_caller_that_is_canceled_meanwhile_leaves_a_settled_journey(customer):
    async def body(self):
        began.set()
        await asyncio.sleep(30)

    async def perform():
        task = asyncio.create_task(journey.aperform_next_step())
        await asyncio.to_thread(began.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await sync_to_async(connections.close_all)()

    began = threading.Event()
    journey = asynchronous(body).start(customer)
    asyncio.run(perform())
    row = row_of(journey)
    assert (row.state, row.performed_by) == (State.PAUSED, None)
    assert told(journey) == [("work", "failed")]


def test_inside_a_transaction_it_is_an_error_from_async_code_too(customer):
    journey = asynchronous(asks_the_database).start(customer)
    with transaction.atomic(), pytest.raises(StepperMotorError, match="outside of a transaction"):
        async_to_sync(journey.aperform_next_step)()


# --------------------------------------------------------------------------------------------------- contextvars


def test_a_body_sees_the_context_of_its_caller(customer):
    async def body(self):
        self.data["where"] = where.get()

    journey = asynchronous(body).start(customer)
    context = contextvars.copy_context()
    context.run(where.set, "in the caller's context")
    context.run(journey.perform_next_step)
    assert journey.data == {"where": "in the caller's context"}


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_body_sees_what_a_sync_around_step_put_into_the_context(kind, customer):
    class Placed(Journey[Customer]):
        def around_step(self, step):
            token = where.set(f"around {step}")
            yield
            where.reset(token)

        @step
        def sync(self):
            self.data["sync"] = where.get()

        @step(name="async")
        async def asynchronous(self):
            self.data["async"] = where.get()

    journey = Placed.start(customer)
    journey.perform_next_step()
    journey.perform_next_step()
    assert journey.data[kind] == f"around {kind}"
    assert where.get() == "outside"


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_and_what_an_async_one_put_there(kind, customer):
    class Placed(Journey[Customer]):
        async def around_step(self, step):
            token = where.set(f"around {step}")
            async with asyncio.timeout(10):
                yield
            where.reset(token)

        @step
        def sync(self):
            self.data["sync"] = where.get()

        @step(name="async")
        async def asynchronous(self):
            self.data["async"] = where.get()

    journey = Placed.start(customer)
    journey.perform_next_step()
    journey.perform_next_step()
    assert journey.data[kind] == f"around {kind}"


@pytest.mark.django_db(transaction=True)
def test_in_a_worker_each_journey_has_a_context_of_its_own(customer):
    class Placed(Journey[Customer]):
        def before_step_starts(self, step):
            self.data[f"before {step}"] = where.get()
            where.set(f"in {step}")

        @step
        def sync(self):
            self.data["sync"] = where.get()

        @step(name="async")
        async def asynchronous(self):
            self.data["async"] = where.get()

    journey = Placed.start(customer)
    Worker(motor(), concurrency=1).run(once=True)
    assert found(journey).data == {
        "before sync": "outside", "sync": "in sync", "before async": "outside", "async": "in async",
    }  # fmt: skip


# ------------------------------------------------------------------------------------------------- while it runs


@pytest.mark.django_db(transaction=True)
def test_an_async_body_runs_without_a_transaction(customer):
    async def body(self):
        self.data["in a block"] = await sync_to_async(lambda: connection.in_atomic_block)()

    journey = asynchronous(body).start(customer)
    journey.perform_next_step()
    assert journey.data == {"in a block": False}


@pytest.mark.django_db(transaction=True)
def test_another_object_of_the_same_row_is_outside(customer):
    async def body(self):
        other = await type(self).objects.aget(pk=self.pk)
        with pytest.raises(InvalidState, match="still running"):
            await other.askip()
        await other.acancel("from an object of its own")
        self.data["went on"] = True

    journey = asynchronous(body).start(customer)
    assert journey.perform_next_step() == Completed()
    assert (found(journey).state, found(journey).data) == (State.CANCELED, {"went on": True})
