"""The database of a run, the engines on it, and the way to an async driver from sync code.

The tests are sync functions in every home. With an async driver each of them runs in a greenlet on an event loop of
its own, where SQLAlchemy can wait for the driver; so does each thread that a test starts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Engine, NullPool, create_engine, event, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.util import await_only, greenlet_spawn

from stepper_motor.sqlalchemy import sqlite
from tests import databases, homes
from tests.home.sqlalchemy.models import Base

T = TypeVar("T")
IS_ASYNC = homes.chosen() == "sqlalchemy-async"
SYNC = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "mariadb": "mysql+pymysql"}
ASYNC = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "mariadb": "mysql+asyncmy"}


def url(drivers: dict[str, str], database: str | None = None) -> URL:
    kind = databases.chosen()
    name = databases.name() if database is None else database
    if kind == "sqlite":
        return URL.create(drivers[kind], database=str(databases.sqlite_file(name)))
    server = databases.server(kind)
    return URL.create(drivers[kind], server.user, server.password or None, server.host, server.port, name or None)


def _heed_foreign_keys(engine: Engine) -> None:
    """As Django has SQLite do."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys = ON").close())


def made_engine() -> Engine:
    """The app's engine. No pool: connections of an async driver belong to one event loop, and every test has its own."""
    if not IS_ASYNC:
        engine = create_engine(url(SYNC))
        sqlite.configure(engine)
        _heed_foreign_keys(engine)
        return engine
    async_engine = create_async_engine(url(ASYNC), poolclass=NullPool)
    sqlite.configure(async_engine)
    _heed_foreign_keys(async_engine.sync_engine)
    async_engine.sync_engine.async_engine = async_engine  # type: ignore[attr-defined]  # kept, as long as its engine is
    return async_engine.sync_engine


_within: list[None] = []
"""One for each block that is open: every folder of tests has a fixture of its own for the one database."""


@contextmanager
def database() -> Iterator[None]:
    """The database with all tables; at the end of the outermost block it is gone."""
    _within.append(None)
    try:
        with _created() if len(_within) == 1 else nullcontext():
            if len(_within) == 1:
                Base.metadata.create_all(create_engine(url(SYNC), poolclass=NullPool))
            yield
    finally:
        _within.pop()


@contextmanager
def _created() -> Iterator[None]:
    if databases.chosen() == "sqlite":
        yield
        Path(databases.sqlite_file(databases.name())).unlink(missing_ok=True)
        return
    root = create_engine(
        url(SYNC, {"postgresql": "postgres", "mariadb": ""}[databases.chosen()]), poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
    )  # fmt: skip
    name = databases.name()
    encoding, by_force = {
        "postgresql": ("ENCODING 'UTF8' TEMPLATE template0", "WITH (FORCE)"), "mariadb": ("CHARACTER SET utf8mb4", "")
    }[databases.chosen()]  # fmt: skip
    with root.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} {encoding}"))
        try:
            yield
        finally:
            connection.execute(text(f"DROP DATABASE {name} {by_force}"))


def spawned(function: Callable[[], T]) -> T:
    """Call sync code where it can ask the database."""
    return asyncio.run(greenlet_spawn(function)) if IS_ASYNC else function()


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Await it: on the event loop of the test, where it has one."""
    return await_only(coroutine) if IS_ASYNC else asyncio.run(coroutine)


run_anew = run
"""In Django a loop of its own makes a difference."""
