"""SQLite as an app with several writers needs it: transactions that begin as writers, a write-ahead log, patience.

    engine = create_engine("sqlite:///app.db")
    sqlite.configure(engine)

Left alone, Python's driver begins transactions late and by itself: a transaction that reads first and writes then fails
at once while others write, and a savepoint may commit. The motor's own connections are configured in the same way.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, event

BUSY_TIMEOUT = 20.0
"""Seconds that a connection waits for another's transaction to end."""


def configure(engine: Any, *, busy_timeout: float = BUSY_TIMEOUT) -> None:
    """Begin every transaction of this engine with BEGIN IMMEDIATE, keep a write-ahead log, and wait for other writers.

    Args:
        engine: an `Engine` or an `AsyncEngine`, before its first connection is made. Other databases are left alone.
        busy_timeout: seconds.
    """
    target: Engine = getattr(engine, "sync_engine", engine)
    if target.dialect.name != "sqlite":
        return

    @event.listens_for(target, "connect")
    def _connected(connection: Any, record: object) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {int(busy_timeout * 1000)}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.close()

    @event.listens_for(target, "begin")
    def _begun(connection: Connection) -> None:
        if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
