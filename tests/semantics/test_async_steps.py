"""`async def` steps performed by hand, from sync and from async code. SEMANTICS 1 and 4."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from datetime import timedelta

import pytest

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
from stepper_motor.motor.worker import Worker
from tests.home import (
    Customer,
    Journey,
    Spy,
    acount,
    afound,
    areload,
    astart,
    atell,
    found,
    in_a_transaction,
    in_thread,
    in_transaction,
    motor,
    only,
    run,
    run_anew,
    start,
    words,
)
from tests.semantics.seen import last_entry, row_of, told

pytestmark = pytest.mark.database

where = contextvars.ContextVar("where", default="outside")


def asynchronous(body, **options):
    class Asynchronous(Journey[Customer]):
        work = step(body, name="work", **options)
        more = step(lambda self: None, name="more")

    return Asynchronous


async def asks_the_database(self):
    await asyncio.sleep(0)
    await atell(self, (await self.ahero()).name)
    self.data["spies"] = await acount(Spy, inside=self)


def test_an_async_body_is_awaited_and_uses_the_orm(customer):
    journey = start(asynchronous(asks_the_database), customer)
    assert journey.perform_next_step() == Completed()
    assert (journey.next_step_name, journey.data) == ("more", {"spies": 1})
    assert words() == ["Ada"]


def test_a_sync_body_may_give_something_to_await(customer):
    journey = start(asynchronous(lambda self: asks_the_database(self)), customer)
    assert journey.perform_next_step() == Completed()
    assert journey.data == {"spies": 1}


@pytest.mark.only_in("django", "sqlalchemy-async")
def test_performed_from_async_code(customer):
    async def perform():
        journey = await astart(asynchronous(asks_the_database), customer)
        outcomes = [await journey.aperform_next_step(), await journey.aperform_next_step()]
        assert await journey.ahas_completed("work")
        return journey, outcomes

    journey, outcomes = run(perform())
    assert outcomes == [Completed(), Completed()]
    assert row_of(journey).state == State.FINISHED


@pytest.mark.only_in("django", "sqlalchemy-async")
@pytest.mark.database(transaction=True)
def test_a_sync_step_performed_from_async_code_runs_in_a_thread(customer):
    async def perform():
        journey = await astart(asynchronous(lambda self: threads.append(threading.get_ident())), customer)
        await journey.aperform_next_step()
        return threading.get_ident()

    threads = []
    loop_thread = run(perform())
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

    assert start(asynchronous(body), customer).perform_next_step() == outcome


@pytest.mark.parametrize("verb", ["cancel", "pause", "skip", "reattempt", "finish"])
def test_so_does_one_without(verb, customer):
    async def body(self):
        getattr(self, verb)()
        raise AssertionError("it went on")

    start(asynchronous(body), customer).perform_next_step()
    assert only(Journey).steps_entered == 1


def test_a_verb_in_a_task_of_the_body_leaves_it(customer):
    async def body(self):
        await asyncio.create_task(self.say_so())

    class InTask(Journey[Customer]):
        work = step(body, name="work")

        async def say_so(self):
            self.cancel("from a task")

    assert start(InTask, customer).perform_next_step() == Canceled("from a task")


@pytest.mark.only_in("django", "sqlalchemy-async")
def test_a_verb_in_sync_code_called_from_an_async_body(customer):
    async def body(self):
        await in_thread(lambda: self.cancel("from a thread"), inside=self)

    assert start(asynchronous(body), customer).perform_next_step() == Canceled("from a thread")


@pytest.mark.only_in("django", "sqlalchemy-async")
def test_what_else_does_io_has_a_twin_that_works_inside_a_step(customer):
    async def body(self):
        self.data["done before"] = await self.ahas_completed("more")
        assert await self.aperform_next_step() is None
        await self.asave()
        await areload(self)

    journey = start(asynchronous(body), customer)
    assert journey.perform_next_step() == Completed()
    assert journey.data == {"done before": False}


def test_a_body_that_cancels_itself_is_an_exception(customer):
    async def body(self):
        asyncio.current_task().cancel()
        await asyncio.sleep(10)

    journey = start(asynchronous(body), customer)
    with pytest.raises(asyncio.CancelledError):
        journey.perform_next_step()
    assert (journey.state, last_entry(journey).error_class) == (State.PAUSED, "asyncio.exceptions.CancelledError")


@pytest.mark.only_in("django", "sqlalchemy-async")
@pytest.mark.database(transaction=True)
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

    began = threading.Event()
    journey = start(asynchronous(body), customer)
    run_anew(perform())
    row = row_of(journey)
    assert (row.state, row.performed_by) == (State.PAUSED, None)
    assert told(journey) == [("work", "failed")]


@pytest.mark.only_in("django", "sqlalchemy-async")
@pytest.mark.database(transaction=True)
def test_inside_a_transaction_it_is_an_error_from_async_code_too(customer):
    journey = start(asynchronous(asks_the_database), customer)
    with in_transaction(), pytest.raises(StepperMotorError, match="outside of a transaction"):
        run(journey.aperform_next_step())


# --------------------------------------------------------------------------------------------------- contextvars


@pytest.mark.database(transaction=True)
def test_a_body_sees_the_context_of_its_caller(customer):
    async def body(self):
        self.data["where"] = where.get()

    journey = start(asynchronous(body), customer)
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

    journey = start(Placed, customer)
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

    journey = start(Placed, customer)
    journey.perform_next_step()
    journey.perform_next_step()
    assert journey.data[kind] == f"around {kind}"


@pytest.mark.database(transaction=True)
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

    journey = start(Placed, customer)
    Worker(motor(), concurrency=1).run(once=True)
    assert found(journey).data == {
        "before sync": "outside", "sync": "in sync", "before async": "outside", "async": "in async",
    }  # fmt: skip


# ------------------------------------------------------------------------------------------------- while it runs


@pytest.mark.only_in("django", "sqlalchemy-async")
@pytest.mark.database(transaction=True)
def test_an_async_body_runs_without_a_transaction(customer):
    async def body(self):
        self.data["in a block"] = await in_thread(lambda: in_a_transaction(self), inside=self)

    journey = start(asynchronous(body), customer)
    journey.perform_next_step()
    assert journey.data == {"in a block": False}


@pytest.mark.only_in("django", "sqlalchemy-async")
@pytest.mark.database(transaction=True)
def test_another_object_of_the_same_row_is_outside(customer):
    async def body(self):
        other = await afound(self, inside=self)
        with pytest.raises(InvalidState, match="still running"):
            await other.askip()
        await other.acancel("from an object of its own")
        self.data["went on"] = True

    journey = start(asynchronous(body), customer)
    assert journey.perform_next_step() == Completed()
    assert (found(journey).state, found(journey).data) == (State.CANCELED, {"went on": True})
