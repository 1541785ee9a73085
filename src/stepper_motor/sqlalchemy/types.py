"""How the values of a journey are kept: the same forms in which Django writes them, so that one table serves both.

Alembic writes a type into a migration by its module and its `repr()`. The migrations of an app should need nothing but
SQLAlchemy: what matters there is the column, not how Python reads it. So the classes below pass for SQLAlchemy's own.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Integer, Interval, String, Text, TypeDecorator
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeEngine

from stepper_motor.journeys.row import State
from stepper_motor.sql.dialects import SQLite

_sqlite = SQLite()


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError(f"a time must be aware, got the naive {value!r}: write datetime.now(UTC)")
    return value.astimezone(UTC)


class _SQLiteTime(sqlite.DATETIME):
    """Text in the form the engine writes, since SQLite compares times as text."""

    __module__ = "sqlalchemy.dialects.sqlite"
    cache_ok = True

    def __repr__(self) -> str:
        return "DATETIME()"

    def bind_processor(self, dialect: Dialect) -> Any:
        return lambda at: None if at is None else _sqlite.time_to_json(_aware(at))

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        return lambda text: None if text is None else _sqlite.time_from_sql(text)


class _MySQLTime(mysql.DATETIME):
    """UTC without saying so, with microseconds."""

    __module__ = "sqlalchemy.dialects.mysql"
    cache_ok = True

    def __init__(self, fsp: int = 6) -> None:
        super().__init__(fsp=fsp)

    def __repr__(self) -> str:
        return f"DATETIME(fsp={self.fsp})"

    def bind_processor(self, dialect: Dialect) -> Any:
        return lambda at: None if at is None else _aware(at).replace(tzinfo=None)

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        return lambda at: None if at is None else at.replace(tzinfo=UTC)


class _PostgreSQLTime(TypeDecorator[datetime]):
    __module__ = "sqlalchemy.types"
    impl = DateTime(timezone=True)
    cache_ok = True

    def __repr__(self) -> str:
        return "DateTime(timezone=True)"

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else _aware(value)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def coerce_compared_value(self, op: Any, value: Any) -> Any:
        """A duration that is added to a time is none itself."""
        return Interval() if isinstance(value, timedelta) else self


class _State(TypeDecorator[State]):
    """A state, as text; reads as `State`."""

    __module__ = "sqlalchemy.types"
    impl = String(10)
    cache_ok = True

    def __repr__(self) -> str:
        return "String(length=10)"

    def process_bind_param(self, value: State | str | None, dialect: Dialect) -> str | None:
        return None if value is None else str(State(value))

    def process_result_value(self, value: str | None, dialect: Dialect) -> State | None:
        return None if value is None else State(value)


class _JSONB(JSONB):
    """Alembic would name the type of its texts, and not import that."""

    __module__ = "sqlalchemy.dialects.postgresql"

    def __repr__(self) -> str:
        return "JSONB()"


def name_of_at_most(length: int) -> TypeEngine[str]:
    """Text whose case is significant on every database (MySQL and MariaDB would fold it)."""
    return String(length).with_variant(
        mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb"
    )


TIME: TypeEngine[datetime] = (
    _PostgreSQLTime().with_variant(_MySQLTime(), "mysql", "mariadb").with_variant(_SQLiteTime(), "sqlite")  # type: ignore[no-untyped-call]
)
"""An aware time, in UTC, with microseconds, on every database; a naive one is a ValueError."""
STATE: TypeEngine[State] = _State()
BIG_KEY = BigInteger().with_variant(Integer(), "sqlite")
"""Counts up by itself on every database: SQLite does so for INTEGER alone."""
DATA: TypeEngine[Any] = JSON().with_variant(_JSONB(), "postgresql")
LONG_TEXT = Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
