"""A small app of its own for tests of the SQLAlchemy home, on the database that the tests run on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from sqlalchemy import URL, Engine, String, create_engine, text
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from stepper_motor import step
from stepper_motor.sqlalchemy import JourneyMixin, Motor, sqlite
from tests import databases

SYNC = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "mariadb": "mysql+pymysql"}
ASYNC = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "mariadb": "mysql+asyncmy"}


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))


class Journey(JourneyMixin, Base):
    pass


class Signup(Journey):
    @step
    def welcome(self):
        self.data["greeted"] = self.hero.name
        self.hero.name += "!"

    @step
    async def think(self):
        self.data["thought"] = True

    @step(atomic=True)
    def part(self):
        self.hero.name += "!"


def url(drivers: dict[str, str], name: str | None = None) -> URL:
    """Where a database of this name is; the one that the tests were given if none is named."""
    kind, name = databases.chosen(), name or f"{databases.name()}_sqlalchemy"
    if kind == "sqlite":
        return URL.create(drivers[kind], database=str(databases.sqlite_file(name)))
    server = databases.server(kind)
    return URL.create(drivers[kind], server.user, server.password or None, server.host, server.port, name)


@contextmanager
def database(name: str | None = None) -> Iterator[None]:
    """Within the block there is an empty database of this name."""
    kind, name = databases.chosen(), name or f"{databases.name()}_sqlalchemy"
    if kind == "sqlite":
        try:
            yield
        finally:
            databases.sqlite_file(name).unlink(missing_ok=True)
            databases.remove_sqlite_traces(name)
        return
    maintenance = create_engine(
        url(SYNC, {"postgresql": "postgres", "mariadb": "mysql"}[kind]), isolation_level="AUTOCOMMIT"
    )
    drop = f"DROP DATABASE IF EXISTS {name}" + (" WITH (FORCE)" if kind == "postgresql" else "")
    with maintenance.connect() as connection:
        connection.execute(text(drop))
        connection.execute(text(f"CREATE DATABASE {name}" + (" CHARACTER SET utf8mb4" if kind == "mariadb" else "")))
    try:
        yield
    finally:
        with maintenance.connect() as connection:
            connection.execute(text(drop))
        maintenance.dispose()


@contextmanager
def engine(name: str | None = None) -> Iterator[Engine]:
    """An engine on a database of its own, dropped at the end of the block."""
    with database(name):
        made = create_engine(url(SYNC, name))
        sqlite.configure(made)
        yield made
        made.dispose()


@asynccontextmanager
async def async_engine(name: str | None = None) -> AsyncIterator[AsyncEngine]:
    """Same as `engine`, except that it is async."""
    with database(name):
        made = create_async_engine(url(ASYNC, name))
        sqlite.configure(made)
        yield made
        await made.dispose()


@asynccontextmanager
async def async_app(journeys: Any = Journey, **options: Any) -> AsyncIterator[tuple[Any, Motor]]:
    """The sessions and the motor of an async app, on a database of its own that has the tables of its journeys."""
    async with async_engine() as made:
        async with made.begin() as connection:
            await connection.run_sync(journeys.metadata.create_all)
        sessions = async_sessionmaker(made, expire_on_commit=False)
        motor = Motor(sessions, journeys=journeys, **options)
        yield sessions, motor
        await asyncio.to_thread(motor.close)
