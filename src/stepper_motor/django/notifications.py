"""PostgreSQL's NOTIFY: wakes workers in other processes the moment a journey is ready. A hint, never the truth.

Sent in a commit of its own after the caller's, at most once every WINDOW in a process; a worker that was woken looks
once more a window later, so that what was held back is found.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from time import monotonic
from typing import Any

from django.db import connections

CHANNEL = "stepper_motor"
WINDOW = 0.05
"""Seconds."""

_last = 0.0


def notify(connection: Any) -> None:
    """Tell listening workers, unless they were told a moment ago. A database without NOTIFY is left in peace."""
    global _last
    if connection.vendor != "postgresql":
        return
    if monotonic() - _last < WINDOW:
        return
    _last = monotonic()  # without a lock, which a fork would inherit: two threads may tell them at once
    with contextlib.suppress(Exception), connection.cursor() as cursor:
        cursor.execute(f"NOTIFY {CHANNEL}")


def _is_psycopg3() -> bool:
    from django.db.backends.postgresql.psycopg_any import is_psycopg3

    return bool(is_psycopg3)


def _is_pooled(connection: Any) -> bool:
    """Whether a pooler such as PgBouncer stands between: its clients are told another number than the server's.

    With one connection for each transaction, a LISTEN would be left behind on a connection of others: they would be
    told, and keep what nobody asks for.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (number,) = cursor.fetchone()
    return bool(number != connection.connection.info.backend_pid)


class Listener:
    """A thread with a connection of its own that calls `woken` at each notification.

    Behind a pooler it ends at once, and the worker looks every second.
    """

    def __init__(self, alias: str, woken: Callable[[], None]) -> None:
        self._alias = alias
        self._woken = woken
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stepper_motor listener", daemon=True)

    def start(self) -> None:
        if connections[self._alias].vendor == "postgresql" and _is_psycopg3():
            self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2)

    def _run(self) -> None:
        connection = connections[self._alias]
        while not self._stopped.is_set():
            # Whatever breaks the connection, the worker still polls: listen again, then look.
            with contextlib.suppress(Exception):
                if _is_pooled(connection):
                    break
                self._listen(connection)
            connection.close()
            self._stopped.wait(1.0)
        connections.close_all()

    def _listen(self, connection: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"LISTEN {CHANNEL}")
        self._woken()
        while not self._stopped.is_set():
            for _ in connection.connection.notifies(timeout=1.0, stop_after=1):
                self._woken()
                self._stopped.wait(WINDOW)
                self._woken()
