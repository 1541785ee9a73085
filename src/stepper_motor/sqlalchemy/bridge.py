"""Runs sync code of SQLAlchemy's over an async driver, in any thread.

An async driver's calls are awaited by SQLAlchemy through a greenlet: the sync code is switched away from where it has
to wait, and switched back to with the answer. SQLAlchemy does that in the event loop's own thread, where sync code
keeps the loop from everything else. Here the code stays in its own thread, and only the waiting goes to the loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from sqlalchemy.util import greenlet_spawn

from stepper_motor.motor.loop import LoopThread
from stepper_motor.sqlalchemy.calls import Call, call

T = TypeVar("T")


class Bridge:
    """An event loop in a thread of its own, and the way to it from other threads. It starts when it is first used."""

    def __init__(self, report: Callable[[BaseException], None]) -> None:
        self._report = report
        self.thread = LoopThread(report)

    def wait(self, awaitable: Awaitable[T]) -> T:
        """Await it on the loop, and wait for that in this thread."""
        return self._wait(awaitable, None)

    def wait_for_body(self, awaitable: Awaitable[T]) -> T:
        """Same as `wait`, except that a caller who is canceled interrupts it."""
        return self._wait(awaitable, call.get())

    def _wait(self, awaitable: Awaitable[T], caller: Call | None) -> T:
        answered: Future[tuple[bool, Any]] = Future()
        cancel = self.thread.run(_coroutine(awaitable), answered.set_result)
        if caller is None:
            return _opened(answered.result())  # type: ignore[no-any-return]
        caller.waits(cancel)
        try:
            return _opened(answered.result())  # type: ignore[no-any-return]
        finally:
            caller.goes_on()

    def there(self, function: Callable[[], T]) -> T:
        """Call `function` in the loop's thread, and wait for that in this one.

        For the engine's statements, which keep the loop no longer than the driver's own work does.
        """
        return self.wait(greenlet_spawn(function))

    def call(self, function: Callable[[], T]) -> T:
        """Call `function` in this thread; what it awaits by way of SQLAlchemy is awaited on the loop."""
        waiting_greenlet, getcurrent = _greenlets()
        current = getcurrent()
        if getattr(current, "bridge", None) is self:
            return function()
        context = waiting_greenlet(function, current)
        context.bridge, context.gr_context = self, current.gr_context
        asyncio.set_event_loop(self.thread.loop)  # drivers make futures of it before they await them
        try:
            result = context.switch()
            while not context.dead:
                try:
                    value = self.wait(result)
                except BaseException as error:
                    result = context.throw(error)
                else:
                    result = context.switch(value)
        finally:
            asyncio.set_event_loop(None)
        return result  # type: ignore[no-any-return]

    def stop(self) -> None:
        """End the loop and its thread; one that is used later is made anew."""
        ended, self.thread = self.thread, LoopThread(self._report)
        ended.stop()


def _opened(answer: tuple[bool, Any]) -> Any:
    succeeded, result = answer
    if succeeded:
        return result
    raise result


async def _coroutine(awaitable: Awaitable[T]) -> T:
    return await awaitable


_found: tuple[Any, Callable[[], Any]] | None = None


def _greenlets() -> tuple[Any, Callable[[], Any]]:
    """greenlet's class, marked as one that SQLAlchemy may wait in. Imported when needed: a sync app has no greenlet."""
    global _found
    if _found is None:
        from greenlet import getcurrent, greenlet

        class Waiting(greenlet):
            __sqlalchemy_greenlet_provider__ = True
            bridge: Bridge | None = None

        _found = Waiting, getcurrent
    return _found


def in_greenlet() -> bool:
    """Whether the caller is where SQLAlchemy can wait for an async driver."""
    try:
        from greenlet import getcurrent
    except ImportError:
        return False
    return bool(getattr(getcurrent(), "__sqlalchemy_greenlet_provider__", False))


def in_event_loop() -> bool:
    """Whether the caller is where SQLAlchemy can wait, and that in the thread of an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return in_greenlet()


def wait_in_greenlet(awaitable: Awaitable[Any]) -> Any:
    """Have the event loop that this greenlet belongs to await it."""
    from greenlet import getcurrent

    parent = getcurrent().parent
    assert parent is not None
    return parent.switch(awaitable)
