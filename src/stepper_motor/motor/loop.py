"""The event loop of a worker's async steps, in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any


class LoopThread:
    """Runs coroutines; the thread starts with the first."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._starting = threading.Lock()

    def run(self, coroutine: Coroutine[Any, Any, Any], answered: Callable[[tuple[bool, Any]], None]) -> None:
        """Await `coroutine` on the loop and hand (True, its result) or (False, its exception) to `answered`."""
        with self._starting:
            loop = self._loop or self._start()
        loop.call_soon_threadsafe(self._spawn, coroutine, answered)

    def cancel_all(self) -> None:
        """Cancel what is awaited: each of them is then settled as lost, by a graceful stop."""
        if self._loop:
            self._loop.call_soon_threadsafe(lambda: [task.cancel() for task in tuple(self._tasks)])

    def stop(self) -> None:
        if self._loop and self._thread:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(timeout=2)

    def _start(self) -> asyncio.AbstractEventLoop:
        loop = self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=loop.run_forever, name="stepper_motor event loop", daemon=True)
        self._thread.start()
        return loop

    def _spawn(self, coroutine: Coroutine[Any, Any, Any], answered: Callable[[tuple[bool, Any]], None]) -> None:
        assert self._loop is not None
        task = self._loop.create_task(_answer(coroutine, answered))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _answer(coroutine: Coroutine[Any, Any, Any], answered: Callable[[tuple[bool, Any]], None]) -> None:
    # Caught here, inside the task: a SystemExit that reaches the loop would end it for all the others.
    try:
        answer = True, await coroutine
    except BaseException as error:
        answer = False, error
    answered(answer)
