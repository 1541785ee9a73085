"""PostgreSQL's NOTIFY: wakes workers in other processes the moment a journey is ready. A hint, never the truth.

Sent in a commit of its own, by a thread of its own, at most once every WINDOW: the app's commit, and the app's event
loop, wait for nothing.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from stepper_motor.motor.forks import KnowsForks
from stepper_motor.motor.threads import started

if TYPE_CHECKING:
    from stepper_motor.sqlalchemy.connections import Connections
    from stepper_motor.sqlalchemy.lines import OwnLine

CHANNEL = "stepper_motor"
WINDOW = 0.05
"""Seconds."""
IDLE = 10.0
"""Seconds after which the announcer's connection is closed, and its thread ends."""


class Announcer(KnowsForks):
    """Sends notifications from a thread that lives while there is something to say."""

    def __init__(self) -> None:
        self.begin_anew()
        self.begins_anew_in_a_fork()

    def begin_anew(self) -> None:
        self._lock = threading.Lock()
        self._asked = threading.Event()
        self._thread: threading.Thread | None = None
        self._is_ending = False

    def notify(self, connections: Connections) -> None:
        """Tell listening workers, soon. A database without NOTIFY is left in peace."""
        if connections.engine.dialect.name != "postgresql":
            return
        with self._lock:
            self._asked.set()
            if self._thread is None:
                self._thread = started(lambda: self._run(connections), "announcer")

    def stop(self) -> None:
        """End the thread, and give back its connection. It begins anew when there is something to say."""
        with self._lock:
            thread, self._is_ending = self._thread, self._thread is not None
            self._asked.set()
        if thread is not None:
            thread.join(timeout=2)

    def _run(self, connections: Connections) -> None:
        while self._is_asked():
            self._asked.clear()
            with suppress(Exception):
                connections.let_go()
                connections.own().execute(f"NOTIFY {CHANNEL}")
            threading.Event().wait(WINDOW)
        connections.hang_up()

    def _is_asked(self) -> bool:
        if self._asked.wait(IDLE) and not self._is_ending:
            return True
        with self._lock:
            if self._asked.is_set() and not self._is_ending:
                return True
            self._thread, self._is_ending = None, False
            self._asked.clear()
            return False


class Listener:
    """A thread with a connection of its own that calls `woken` at each notification.

    Behind a pooler it ends at once, and the worker looks every second.
    """

    def __init__(self, connections: Connections, woken: Callable[[], None]) -> None:
        self._connections = connections
        self._woken = woken
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Where the driver can tell of notifications (psycopg, asyncpg); elsewhere the worker looks every second."""
        if self._connections.engine.dialect.driver in ("psycopg", "psycopg_async", "asyncpg"):
            self._thread = started(self._run, "listener")

    def stop(self) -> None:
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(timeout=2)

    def _run(self) -> None:
        while not self._stopped.is_set():
            # Whatever breaks the connection, the worker still polls: listen again, then look.
            with suppress(Exception):
                line = self._connections.own()
                if _is_pooled(line):
                    break
                self._listen(line)
            self._connections.give_back()
            self._stopped.wait(1.0)
        self._connections.give_back()

    def _listen(self, line: OwnLine) -> None:
        driver = _driver_of(line)
        if line.connection.dialect.driver == "asyncpg":
            self._connections.engine_bridge.wait(driver.add_listener(CHANNEL, self._heard))  # type: ignore[union-attr]
        else:
            line.execute(f"LISTEN {CHANNEL}")
        self._woken()
        while not self._stopped.is_set():
            if line.connection.dialect.driver == "asyncpg":
                self._stopped.wait(1.0)
                line.execute("SELECT 1")  # so that a connection that has died is noticed
            elif self._connections.engine_bridge:
                self._connections.engine_bridge.wait(self._next_awaited(driver))
            else:
                for _ in driver.notifies(timeout=1.0, stop_after=1):
                    self._wake()

    def _heard(self, *_: Any) -> None:
        asyncio.get_running_loop().call_later(WINDOW, self._woken)
        self._woken()

    async def _next_awaited(self, driver: Any) -> None:
        async for _ in driver.notifies(timeout=1.0, stop_after=1):
            self._heard()

    def _wake(self) -> None:
        self._woken()
        self._stopped.wait(WINDOW)
        self._woken()


def _driver_of(line: OwnLine) -> Any:
    return line.run(lambda: line.connection.connection.driver_connection)


def _is_pooled(line: OwnLine) -> bool:
    """Whether a pooler such as PgBouncer stands between: its clients are told another number than the server's.

    With one connection for each transaction, a LISTEN would be left behind on a connection of others: they would be
    told, and keep what nobody asks for.
    """
    driver = _driver_of(line)
    told = driver.get_server_pid() if line.connection.dialect.driver == "asyncpg" else driver.info.backend_pid
    return line.execute("SELECT pg_backend_pid()") != [(told,)]
