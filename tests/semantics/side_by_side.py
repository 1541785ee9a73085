"""Runs calls at the same moment, each in a thread that has a connection of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from django.db import connection, connections

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
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_stat_clear_snapshot()")  # else a transaction sees what it saw before
        cursor.execute(_WAITING[connection.vendor])
        return int(cursor.fetchone()[0])


_WAITING = {
    "postgresql": "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() "
    "AND wait_event_type = 'Lock'",
    # Not innodb_trx: who looks at it again within 0.1 s is shown what he saw before.
    "mysql": "SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE() AND state = 'Update' "
    "AND time_ms > 100",
}


def _called(call: Callable[[], Any], barrier: Barrier) -> Any:
    try:
        barrier.wait(LIMIT)
        return call()
    except Exception as error:
        return error
    finally:
        connections.close_all()
