"""Runs calls at the same moment, each in a thread that has a connection of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from django.db import connections

LIMIT = 60.0
"""Seconds that all of it may take."""


def side_by_side(*calls: Callable[[], Any]) -> list[Any]:
    """What each call returned, or the exception that it raised."""
    barrier = Barrier(len(calls))
    with ThreadPoolExecutor(len(calls)) as threads:
        futures = [threads.submit(_called, call, barrier) for call in calls]
        return [future.result(LIMIT) for future in futures]


def _called(call: Callable[[], Any], barrier: Barrier) -> Any:
    try:
        barrier.wait(LIMIT)
        return call()
    except Exception as error:
        return error
    finally:
        connections.close_all()
