"""An exception as the history keeps it."""

from __future__ import annotations

import traceback

from stepper_motor.journeys.lifecycle import Problem
from stepper_motor.journeys.wording import text_of


def describe(error: BaseException, limit: int) -> Problem:
    """The exception as the history keeps it: class, message, and the end of the traceback."""
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    text = _traceback(error)
    return Problem(name[:200], text_of(error)[:2000], text[-limit:])


def _traceback(error: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(error))
    except BaseException as second:
        return f"(its traceback can't be had: {type(second).__name__})"


def with_both(first: Problem, second: Problem, limit: int) -> Problem:
    """The second, with the first in its traceback."""
    text, before = second.traceback or "", first.traceback or ""
    if before not in text:
        text = f"{before}\nThe handler of this exception raised another one:\n\n{text}"[-limit:]
    return Problem(second.error_class, second.message, text)
