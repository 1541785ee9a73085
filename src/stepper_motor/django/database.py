"""Runs the engine's statements on Django's connection of this thread."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from math import ceil
from typing import Any

from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError, connections, models, transaction

from stepper_motor.django.reading import are_plain
from stepper_motor.sql.dialects import Dialect, MySQL, PostgreSQL, SQLite
from stepper_motor.sql.rows import Table

DIALECTS: dict[str, type[Dialect]] = {"postgresql": PostgreSQL, "mysql": MySQL, "sqlite": SQLite}
_PATIENCE = "stepper_motor_lock_wait_before"
"""The attribute of Django's connection that remembers how long its session waited for locks."""
LOCK_TIMEOUT = 5
"""Seconds an engine transaction waits for the lock of a single row."""


class DjangoDatabase:
    """The `Database` that `SqlStore` asks, for the table of one root and one database alias."""

    def __init__(self, root: Any, alias: str) -> None:
        self.root = root
        self.alias = alias
        self.dialect = _dialect(connections[alias].vendor)
        self._key = root._meta.pk
        self._is_plain_key = isinstance(self._key, models.AutoField | models.IntegerField)

    @property
    def connection(self) -> Any:
        return connections[self.alias]

    @property
    def table(self) -> Table:
        meta, history = self.root._meta, self.root.History._meta
        kept = (meta.db_table, history.db_table, meta.pk.column, self._id_type())
        if not self.root._has_hero_column():
            return Table(*kept)
        hero = meta.get_field("hero")
        hero_type = hero.related_model._meta.concrete_model._meta.db_table
        return Table(*kept, hero=hero.column, hero_type=hero_type)

    def _id_type(self) -> str:
        id_type = str(self._key.rel_db_type(self.connection))
        if self.dialect.name == "mysql" and id_type == "uuid":
            return "char(36)"
        return "bigint" if self._is_plain_key else id_type

    @cached_property
    def own_columns(self) -> Sequence[str] | None:
        own = self.root._own_fields
        return [field.column.replace("%", "%%") for field in own] if are_plain([self._key, *own]) else None

    def execute(self, sql: str, params: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, params)
            return list(cursor.fetchall()) if cursor.description else []

    def write(self, sql: str, params: Sequence[object] = ()) -> int:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, params)
            return int(cursor.rowcount)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        try:
            with immediate(self.connection), transaction.atomic(using=self.alias):
                yield
        finally:
            self._be_as_patient_as_before()

    def be_patient(self, seconds: float | None = None) -> None:
        limit = LOCK_TIMEOUT if seconds is None else seconds
        if self.dialect.name == "postgresql":
            self.write(f"SET LOCAL lock_timeout = {max(int(limit * 1000), 1)}")
        elif self.dialect.name == "mysql":
            ((before,),) = self.execute("SELECT @@SESSION.innodb_lock_wait_timeout")
            self.connection.__dict__.setdefault(_PATIENCE, before)
            self.write(f"SET SESSION innodb_lock_wait_timeout = {max(ceil(limit), 1)}")

    def _be_as_patient_as_before(self) -> None:
        """MySQL knows no limit for one transaction alone, and the session may be the app's."""
        connection = self.connection
        before = connection.__dict__.pop(_PATIENCE, None)
        if before is not None and connection.connection is not None and not connection.needs_rollback:
            with suppress(DatabaseError):
                self.write(f"SET SESSION innodb_lock_wait_timeout = {int(before)}")

    def is_conflict(self, error: Exception) -> bool:
        return isinstance(error, IntegrityError) and "one_per_hero" in str(error)

    def id_to_sql(self, id: Any) -> Any:
        return id if self._is_plain_key else self._key.get_db_prep_value(id, self.connection, prepared=False)

    def id_from_sql(self, value: Any) -> Any:
        return value if self._is_plain_key else self._key.to_python(value)

    def id_from_text(self, text: str) -> Any:
        return self._key.to_python(text)

    def write_own(self, id: Any, own: Any) -> None:
        models.QuerySet.update(self.root._base_manager.using(self.alias).filter(pk=id), **own)

    def is_transient(self, error: BaseException) -> bool:
        return isinstance(error, DatabaseError) and self.dialect.is_transient(_code(error), str(error))

    def is_disconnect(self, error: BaseException) -> bool:
        code = _code(error)
        if self.dialect.name == "postgresql" and code == _READ_ONLY:
            return True
        if not isinstance(error, OperationalError | InterfaceError) or self.is_transient(error):
            return False
        return self.dialect.is_away(code, str(error))


_READ_ONLY = "25006"
"""PostgreSQL has become a standby: Django takes it for an internal error."""


def _dialect(vendor: str) -> Dialect:
    if vendor not in DIALECTS:
        raise LookupError(f"journeys can be kept in {', '.join(DIALECTS)}; this database is {vendor!r}")
    return DIALECTS[vendor]()


def _code(error: BaseException) -> object:
    """The SQLSTATE of PostgreSQL, the number of MySQL (whose drivers may give a state as well)."""
    cause = error.__cause__ or error
    if cause.args and isinstance(cause.args[0], int):
        return cause.args[0]
    return getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)


@contextmanager
def immediate(connection: Any) -> Iterator[None]:
    """On SQLite, begin as a writer: a transaction that reads first and writes then fails at once while others write."""
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        yield
        return
    connection.ensure_connection()  # Django reads the mode from the settings as it connects
    before = connection.transaction_mode
    connection.transaction_mode = "IMMEDIATE"
    try:
        yield
    finally:
        connection.transaction_mode = before
