"""The motor's own engines, beside the app's: to the same database, in the same way, with connections of their own.

A worker must not wait for a connection that requests hold, nor they for its. And the connections of an async driver
belong to one event loop: the app's to the app's, the motor's to the motor's.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import QueuePool, SingletonThreadPool, StaticPool

from stepper_motor.sqlalchemy import sqlite

LONGEST = 600.0
"""Seconds that a connection lives."""
FOR_EVER = 10**9
"""Seconds that a step waits for a connection. Its lease is renewed meanwhile."""
RESTED = 1.0
"""Seconds after which a connection that nobody used is tried before a step uses it."""
RESTS_SINCE = "stepper_motor_rests_since"
"""The name in a pooled connection's `info`."""


def twin_of(engine: Engine, *, size: int, at_most: int | None) -> Engine:
    """An engine like this one, with a pool of its own; the engine itself where the database is in memory.

    Args:
        size: connections that are kept open.
        at_most: connections there may be at once; None: any number.
    """
    if is_in_memory(engine):
        return engine
    twin = Engine(_pool_like(engine, size, at_most), engine.dialect, engine.url, hide_parameters=engine.hide_parameters)
    sqlite.configure(twin)
    return twin


def try_what_rested(engine: Engine, doubted_at: Callable[[], float]) -> None:
    """Replace a connection that has died while nobody used it: that is no failure of the next step.

    Args:
        doubted_at: when the database was last found to be away (monotonic).
    """

    @event.listens_for(engine, "checkin")
    def _rests(connection: Any, record: Any) -> None:
        record.info[RESTS_SINCE] = monotonic()

    @event.listens_for(engine, "checkout")
    def _is_used_again(connection: Any, record: Any, proxy: Any) -> None:
        since = record.info.pop(RESTS_SINCE, None)
        is_doubtful = since is not None and (monotonic() - since > RESTED or since < doubted_at())
        if is_doubtful and not _is_alive(engine, connection):
            raise InvalidatePoolError()


def _is_alive(engine: Engine, connection: Any) -> bool:
    try:
        return engine.dialect.do_ping(connection)
    except Exception:
        return False


def is_in_memory(engine: Engine) -> bool:
    """Whether each connection, or each thread, would see a database of its own."""
    return isinstance(engine.pool, StaticPool | SingletonThreadPool)


def _pool_like(engine: Engine, size: int, at_most: int | None) -> Any:
    pool: Any = engine.pool
    if not isinstance(pool, QueuePool):
        return pool.recreate()
    # What `recreate()` does, with other sizes: `create_engine` has no way to ask for the same connections again.
    return type(pool)(
        pool._creator,
        pool_size=size,
        max_overflow=-1 if at_most is None else max(at_most - size, 0),
        timeout=FOR_EVER,
        recycle=int(LONGEST),
        use_lifo=True,
        pre_ping=pool._pre_ping,
        dialect=engine.dialect,
        _dispatch=pool.dispatch,
    )
