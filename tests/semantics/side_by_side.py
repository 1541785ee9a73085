"""Runs calls at the same moment, each in a thread that has a connection of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from tests.home import execute, on_its_own, vendor

LIMIT = 60.0
"""Seconds that all of it may take."""


def side_by_side(*calls: Callable[[], Any]) -> list[Any]:
    """What each call returned, or the exception that it raised."""
    barrier = Barrier(len(calls))
    with ThreadPoolExecutor(len(calls)) as threads:
        futures = [threads.submit(_called, call, barrier) for call in calls]
        return [future.result(LIMIT) for future in futures]


def sessions_that_wait_for_a_lock() -> int:
    """In the database of the test; on PostgreSQL and MariaDB."""
    if vendor() == "postgresql":
        execute("SELECT pg_stat_clear_snapshot()")  # else a transaction sees what it saw before
    ((waiting,),) = execute(_WAITING[vendor()])
    return int(waiting)


_WAITING = {
    "postgresql": "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() "
    "AND wait_event_type = 'Lock'",
    # Not innodb_trx: who looks at it again within 0.1 s is shown what he saw before.
    "mariadb": "SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE() AND state = 'Update' "
    "AND time_ms > 100",
}


def _called(call: Callable[[], Any], barrier: Barrier) -> Any:
    try:
        barrier.wait(LIMIT)
        return on_its_own(call)
    except Exception as error:
        return error
