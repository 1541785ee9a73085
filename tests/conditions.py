"""Waiting for something that another thread or process does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic
from typing import TypeVar

T = TypeVar("T")
PAUSE = 0.02
"""Seconds between two looks."""


def wait_until(condition: Callable[[], T], *, limit: float = 20.0, what: str | None = None) -> T:
    """Look until `condition()` holds, and return what it gave.

    Raises:
        AssertionError: it did not within `limit` seconds; the message says `what` was waited for.
    """
    ends = monotonic() + limit
    never = threading.Event()
    while not (found := condition()):
        assert monotonic() < ends, f"not within {limit:g} s: {what or getattr(condition, '__name__', condition)}"
        never.wait(PAUSE)
    return found
