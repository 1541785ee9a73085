"""around_step, in whatever form: a generator or a context manager, sync or async. SEMANTICS 1."""

from __future__ import annotations

import contextlib

import pytest

from stepper_motor import Completed, Skipped, step
from tests.home import Customer, Journey, atell, block, in_a_transaction, start, tell, words
from tests.semantics.seen import told

pytestmark = pytest.mark.database


def error():
    raise OSError("no network")


class Manager:
    def __init__(self, swallows):
        self.swallows, self.heard = swallows, []

    def __enter__(self):
        self.heard.append("in")

    def __exit__(self, kind, error, trace):
        self.heard.append(kind.__name__ if kind else "out")
        return self.swallows

    async def __aenter__(self):
        self.__enter__()

    async def __aexit__(self, *error):
        return self.__exit__(*error)


class AsyncManager:
    def __init__(self, inner):
        self.inner = inner

    async def __aenter__(self):
        self.inner.__enter__()

    async def __aexit__(self, *error):
        return self.inner.__exit__(*error)


def surrounded(body, around, **options):
    class Surrounded(Journey[Customer]):
        work = step(body, name="work", **options)
        more = step(lambda self: None, name="more")

        def around_step(self, step):
            return around(self)

    return Surrounded


def told_by_generator(heard):
    def around(self):
        heard.append("in")
        yield
        heard.append("out")

    return around


def told_by_async_generator(heard):
    async def around(self):
        heard.append("in")
        yield
        await atell(self, "out")
        heard.append("out")

    return around


def told_by_decorated_function(heard):
    return contextlib.contextmanager(told_by_generator(heard))


def told_by_coroutine(heard):
    async def around(self):
        return told_by_decorated_function(heard)(self)

    return around


async def async_body(self):
    await atell(self, "body")
    self.data["by"] = "async"


def sync_body(self):
    tell(self, "body")
    self.data["by"] = "sync"


FORMS = [told_by_generator, told_by_async_generator, told_by_decorated_function, told_by_coroutine]


@pytest.mark.parametrize("body", [sync_body, async_body])
@pytest.mark.parametrize("form", FORMS)
def test_around_step_may_be_written_in_any_form(form, body, customer):
    heard = []
    journey = start(surrounded(lambda self: heard.append("body") or body(self), form(heard)), customer)
    assert journey.perform_next_step() == Completed()
    assert heard == ["in", "body", "out"]
    assert "body" in words()
    assert journey.data["by"] in ("sync", "async")


@pytest.mark.parametrize("wrap", [lambda manager: manager, AsyncManager])
@pytest.mark.parametrize("body", [lambda self: self.skip(), lambda self: Skipped()])
def test_around_step_lets_an_outcome_through(body, wrap, customer):
    manager = Manager(swallows=False)
    assert start(surrounded(body, lambda self: wrap(manager)), customer).perform_next_step() == Skipped()
    assert manager.heard[0] == "in"
    assert len(manager.heard) == 2


@pytest.mark.parametrize("wrap", [lambda manager: manager, AsyncManager])
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_around_step_may_swallow_what_the_body_raised(kind, wrap, customer):
    async def raises(self):
        error()

    manager = Manager(swallows=True)
    body = raises if kind == "async" else lambda self: error()
    journey = start(surrounded(body, lambda self: wrap(manager)), customer)
    assert journey.perform_next_step() == Completed()
    assert manager.heard == ["in", "OSError"]
    assert journey.steps_completed == 1


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_one_event_loop_serves_an_async_around_step_and_its_body(kind, customer):
    async def around(self):
        Around.running = True
        try:
            yield
        finally:
            Around.running = False

    class Around:
        running = False

    async def asynchronous(self):
        assert Around.running

    def synchronous(self):
        assert Around.running

    body = asynchronous if kind == "async" else synchronous
    assert start(surrounded(body, around), customer).perform_next_step() == Completed()
    assert Around.running is False


@pytest.mark.parametrize(("place", "entered"), [("before", 0), ("after", 1)])
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_around_step_may_use_a_verb(kind, place, entered, customer):
    def around(self):
        if place == "before":
            self.skip()
        yield
        self.skip()

    async def around_async(self):
        if place == "before":
            await self.askip()
        yield
        await self.askip()

    journey = start(surrounded(lambda self: None, around_async if kind == "async" else around), customer)
    assert journey.perform_next_step() == Skipped()
    assert (journey.steps_entered, journey.steps_completed) == (entered, 0)


@pytest.mark.only_in("django", "sqlalchemy-async")
@pytest.mark.database(transaction=True)
def test_a_transaction_held_by_a_sync_around_step_serves_an_async_body(customer):
    async def body(self):
        await atell(self, "in the transaction")
        raise OSError("rolled back")

    def around(self):
        with block(self):
            yield

    journey = start(surrounded(body, around), customer)
    with pytest.raises(OSError, match="rolled back"):
        journey.perform_next_step()
    assert words() == []
    assert not in_a_transaction()
    assert told(journey) == [("work", "failed")]
