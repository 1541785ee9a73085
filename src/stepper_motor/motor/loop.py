"""The event loop of a worker's async steps, in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from stepper_motor.motor.forks import KnowsForks
from stepper_motor.motor.threads import started

TO_END = 1.0
"""Seconds that what is still awaited when the loop ends has to clean up."""


class LoopThread(KnowsForks):
    """Runs coroutines; the thread starts with the first."""

    def __init__(self, report: Callable[[BaseException], None]) -> None:
        self._report = report
        self.begin_anew()
        self.begins_anew_in_a_fork()

    def left_to_parent(self) -> Iterable[object]:
        return self._loop, self._tasks

    def begin_anew(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        """Kept here: an event loop itself holds its tasks weakly."""
        self._starting = threading.Lock()
        self._is_ending = False

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop, running."""
        with self._starting:
            return self._loop or self._start()

    def run(
        self, coroutine: Coroutine[Any, Any, Any], answered: Callable[[tuple[bool, Any]], None]
    ) -> Callable[[], None]:
        """Await `coroutine` on the loop and hand (True, its result) or (False, its exception) to `answered`.

        Returns:
            What cancels it, from any thread.
        """
        loop = self.loop
        spawned: list[asyncio.Task[None]] = []
        loop.call_soon_threadsafe(lambda: spawned.append(self._spawn(coroutine, answered)))

        def cancel() -> None:
            loop.call_soon_threadsafe(lambda: spawned[0].cancel())

        return cancel

    def stop(self) -> None:
        """End the loop and its thread; one that is blocked by a step is left alone."""
        if self._loop and self._thread:
            self._is_ending = True
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(timeout=2 * TO_END)

    def _start(self) -> asyncio.AbstractEventLoop:
        loop = self._loop = asyncio.new_event_loop()
        self._thread = started(lambda: self._turn(loop), "event loop")
        return loop

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        while not self._is_ending:
            try:
                loop.run_forever()
            except BaseException as error:
                # A task that a step made by itself raised SystemExit: that is no reason to end all the others.
                self._report(error)
        _clear(loop)
        loop.close()

    def _spawn(
        self, coroutine: Coroutine[Any, Any, Any], answered: Callable[[tuple[bool, Any]], None]
    ) -> asyncio.Task[None]:
        assert self._loop is not None
        task = self._loop.create_task(_answer(coroutine, answered))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def _answer(coroutine: Coroutine[Any, Any, Any], answered: Callable[[tuple[bool, Any]], None]) -> None:
    # Caught here, inside the task: a SystemExit that reaches the loop would end it for all the others.
    try:
        answer = True, await coroutine
    except BaseException as error:
        answer = False, error
    answered(answer)


def _clear(loop: asyncio.AbstractEventLoop) -> None:
    """Let what is left end: tasks that steps made, and asynchronous generators."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    try:
        if left:
            loop.run_until_complete(asyncio.wait(left, timeout=TO_END))
        loop.run_until_complete(loop.shutdown_asyncgens())
    except BaseException:
        pass  # what a task raises while it is ended concerns nobody any more
