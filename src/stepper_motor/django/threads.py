"""Which thread, and so which connection, the ORM calls of an async step use.

Left alone, asgiref sends the ORM calls of all coroutines of a loop through one thread: one slow query would hold up
hundreds of steps. Each step is given one of a few threads instead, so there are a few connections, not hundreds.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from itertools import cycle
from time import monotonic
from typing import Any

from asgiref.sync import SyncToAsync, ThreadSensitiveContext, sync_to_async
from django.db import connections

from stepper_motor.journeys.outcomes import Interruption
from stepper_motor.motor.forks import in_a_fork

THREADS = 3
"""With the worker's own four, one that listens, and two for what is sync around async steps: ten connections. (A
scheduler's sweep has one more.)"""
RESTED = 1.0
"""Seconds after which a thread that had nothing to do tries its connections before it uses them again."""
TO_END = 1.0
"""Seconds that a thread has to close its connections."""


class _Thread:
    """A thread of asgiref's, made when the first call comes, with the connections it has opened."""

    def __init__(self) -> None:
        self.context = ThreadSensitiveContext()
        self.used_at = monotonic()

    @property
    def exists(self) -> bool:
        return self.context in SyncToAsync.context_to_thread_executor

    async def run(self, awaitable: Awaitable[Any], tidy: Callable[[bool], None], freshen: Callable[[], None]) -> Any:
        """Await it; before, connections that rested are tried, and after it whatever it left open is ended."""
        SyncToAsync.thread_sensitive_context.set(self.context)
        if self.exists and monotonic() - self.used_at > RESTED:
            await sync_to_async(freshen)()
        self.used_at = monotonic()
        try:
            result = await awaitable
        except BaseException as error:
            await self._tidied(tidy, commit=isinstance(error, Interruption), then=error)
            raise
        await self._tidied(tidy, commit=True)
        return result

    async def _tidied(self, tidy: Callable[[bool], None], *, commit: bool, then: BaseException | None = None) -> None:
        self.used_at = monotonic()
        if not self.exists:
            return
        try:
            await sync_to_async(tidy)(commit)
        except Exception:
            if then is None:
                raise

    def end(self) -> Future[None] | None:
        executor = SyncToAsync.context_to_thread_executor.pop(self.context, None)
        if executor is None:
            return None
        closed: Future[None] = executor.submit(connections.close_all)
        executor.shutdown(wait=False)
        return closed


def _begin_anew() -> None:
    """Also in a fork of the process: the threads of its parent, for which asgiref would wait there, are not in it."""
    global _threads, _turns
    _threads = [_Thread() for _ in range(THREADS)]
    _turns = cycle(_threads)


_threads: list[_Thread]
_turns: Iterator[_Thread]
_begin_anew()
in_a_fork(_begin_anew)


async def in_a_thread_of_its_own(
    awaitable: Awaitable[Any], tidy: Callable[[bool], None], freshen: Callable[[], None]
) -> Any:
    """Await it; its calls to the ORM go to one thread, which it shares with a few others."""
    return await next(_turns).run(awaitable, tidy, freshen)


def end_all() -> None:
    """End the threads that there are, and close their connections. Those that are needed later are made anew."""
    for closed in [thread.end() for thread in _threads]:
        with suppress(Exception):
            if closed is not None:
                closed.result(timeout=TO_END)
