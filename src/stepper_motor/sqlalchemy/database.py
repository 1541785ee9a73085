"""Runs the engine's statements on a line, for the table of one root."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from math import ceil
from typing import Any

from sqlalchemy import Dialect as SqlAlchemyDialect
from sqlalchemy import update
from sqlalchemy.exc import DBAPIError, PendingRollbackError
from sqlalchemy.exc import TimeoutError as NoConnection

from stepper_motor.sql.dialects import Dialect, MySQL, PostgreSQL, SQLite
from stepper_motor.sql.rows import Table
from stepper_motor.sqlalchemy import heroes, keys
from stepper_motor.sqlalchemy.conflicts import is_conflict
from stepper_motor.sqlalchemy.lines import Line
from stepper_motor.sqlalchemy.roots import Root
from stepper_motor.sqlalchemy.tables import history_name

DIALECTS: dict[str, type[Dialect]] = {
    "postgresql": PostgreSQL, "mysql": MySQL, "mariadb": MySQL, "sqlite": SQLite,
}  # fmt: skip
LOCK_TIMEOUT = 5
"""Seconds an engine transaction waits for the lock of a single row."""


class SqlAlchemyDatabase:
    """The `Database` that `SqlStore` asks.

    Args:
        root: whose table.
        dialect: SQLAlchemy's, of the database the table is in.
        line: gives the line to run statements on, for the thread that asks.
    """

    def __init__(self, root: Root, dialect: SqlAlchemyDialect, line: Callable[[], Line]) -> None:
        self.root = root
        self.dialect = _dialect(dialect.name)
        self._line = line
        (self._key,) = root.table.primary_key.columns
        keys.check(self._key, dialect)
        type_ = self._key.type.dialect_impl(dialect)
        self._to_sql, self._from_sql = type_.bind_processor(dialect), type_.result_processor(dialect, None)
        self._id_type = str(self._key.type.compile(dialect=dialect))
        if self.dialect.name == "mysql" and self._id_type.lower() == "uuid":
            self._id_type = "char(36)"

    @property
    def table(self) -> Table:
        journeys = self.root.table
        kept = (journeys.name, history_name(journeys.name), self._key.name, self._id_type)
        if not self.root.has_hero_column:
            return Table(*kept, schema=journeys.schema)
        (hero,) = self.root.mapper.column_attrs[self.root.hero_key].columns
        (leads_to,) = hero.foreign_keys
        hero_type = heroes.name_of(leads_to.column.table)
        return Table(*kept, hero=hero.name, hero_type=hero_type, schema=journeys.schema)

    @property
    def own_columns(self) -> Sequence[str] | None:
        return None  # a mapped object is read whole

    def execute(self, sql: str, params: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return self._line().execute(sql, params)

    def write(self, sql: str, params: Sequence[object] = ()) -> int:
        return self._line().write(sql, params)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        line = self._line()
        try:
            with line.transaction():
                yield
        finally:
            self._be_as_patient_as_before(line)

    def be_patient(self, seconds: float | None = None) -> None:
        limit, line = LOCK_TIMEOUT if seconds is None else seconds, self._line()
        if self.dialect.name == "postgresql":
            line.write(f"SET LOCAL lock_timeout = {max(int(limit * 1000), 1)}")
        elif self.dialect.name == "mysql":
            if line.patience_before is None:
                ((line.patience_before,),) = line.execute("SELECT @@SESSION.innodb_lock_wait_timeout")
            line.write(f"SET SESSION innodb_lock_wait_timeout = {max(ceil(limit), 1)}")

    @staticmethod
    def _be_as_patient_as_before(line: Line) -> None:
        """MySQL knows no limit for one transaction alone, and the session may be the app's."""
        before, line.patience_before = line.patience_before, None
        if before is not None:
            with suppress(DBAPIError, PendingRollbackError):
                line.write(f"SET SESSION innodb_lock_wait_timeout = {int(before)}")

    def is_conflict(self, error: Exception) -> bool:
        return is_conflict(error)

    def id_to_sql(self, id: Any) -> Any:
        return self._to_sql(id) if self._to_sql else id

    def id_from_sql(self, value: Any) -> Any:
        return self._from_sql(value) if self._from_sql else value

    def id_from_text(self, text: str) -> Any:
        return self._key.type.python_type(text)

    def write_own(self, id: Any, own: Mapping[str, Any]) -> None:
        line, mapper = self._line(), self.root.mapper
        values = {mapper.column_attrs[name].columns[0]: value for name, value in own.items()}
        line.run(lambda: line.connection.execute(update(self.root.table).where(self._key == id).values(values)))

    # ----------------------------------------------------------------------------------------------- errors

    def is_transient(self, error: BaseException) -> bool:
        return isinstance(error, DBAPIError) and self.dialect.is_transient(*_told(error))

    def is_disconnect(self, error: BaseException) -> bool:
        if isinstance(error, NoConnection | OSError):  # asyncpg's connect() raises what the socket raised
            return True
        if not isinstance(error, DBAPIError) or self.is_transient(error):
            return False
        if error.connection_invalidated:
            return True
        is_of_the_server = type(error).__name__ in ("OperationalError", "InterfaceError", "InternalError")
        code, message = _told(error)
        return (is_of_the_server or code is not None) and self.dialect.is_away(code, message)


def _dialect(name: str) -> Dialect:
    if name not in DIALECTS:
        raise LookupError(f"journeys can be kept in {', '.join(DIALECTS)}; this database is {name!r}")
    return DIALECTS[name]()


def _told(error: DBAPIError) -> tuple[object, str]:
    """The SQLSTATE of PostgreSQL or the number of MySQL, and the message."""
    original: Any = error.orig
    arguments = getattr(original, "args", ())
    if arguments and isinstance(arguments[0], int):
        return arguments[0], str(original)
    return getattr(original, "sqlstate", None) or getattr(original, "pgcode", None), str(original)
