"""A performance by hand that a coroutine awaits: it runs in a thread, and is canceled with the coroutine."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Call:
    """What is awaited on behalf of a caller that may be canceled."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cancel: Callable[[], None] | None = None
        self._is_canceled = False

    def waits(self, cancel: Callable[[], None]) -> None:
        """A body is awaited now; `cancel` interrupts it."""
        with self._lock:
            self._cancel = cancel
            if self._is_canceled:
                cancel()

    def goes_on(self) -> None:
        """It is awaited no longer."""
        with self._lock:
            self._cancel = None

    def cancel(self) -> None:
        """Interrupt what is awaited, now or next. What is sync can't be interrupted: it runs to its end."""
        with self._lock:
            self._is_canceled = True
            if self._cancel:
                self._cancel()


call: ContextVar[Call | None] = ContextVar("stepper_motor_call", default=None)
"""The call in which this thread performs."""


async def in_a_thread(function: Callable[[], T]) -> T:
    """Call `function` in a thread. Canceled, it interrupts the body that is awaited there, and ends when it has.

    Raises:
        asyncio.CancelledError: the caller was canceled; what became of the step is settled.
    """
    mine = Call()
    context = copy_context()
    context.run(call.set, mine)
    running = asyncio.get_running_loop().run_in_executor(None, context.run, _answered, function)
    try:
        answer = await asyncio.shield(running)
    except asyncio.CancelledError:
        mine.cancel()
        await asyncio.wait([running])  # it is settled, and the caller hears of the cancellation
        raise
    if isinstance(answer, _Raised):
        raise answer.error
    return answer


class _Raised(NamedTuple):
    error: BaseException


def _answered(function: Callable[[], T]) -> T | _Raised:
    """What a future can carry: some exceptions end the event loop, and others it refuses."""
    try:
        return function()
    except BaseException as error:
        return _Raised(error)
