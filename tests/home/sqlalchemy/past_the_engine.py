"""What is written past the engine: a past that would take long to live through, and SQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event, inspect, update

from stepper_motor.sqlalchemy.lines import placed
from tests.home.sqlalchemy.committing import writing
from tests.home.sqlalchemy.records import reload
from tests.home.sqlalchemy.sessions import session_of


def put(journey: Any, **columns: Any) -> Any:
    """Write the engine's columns past the engine: a past that would take long to live through."""
    put_behind(journey, **columns)
    if "type" not in columns:  # an object does not change its class
        reload(journey)
    return journey


def put_behind(journey: Any, *, inside: Any = None, **columns: Any) -> None:
    """The same, and the object is not told."""
    mapper = inspect(journey).mapper.base_mapper
    (key,) = mapper.primary_key
    _put(mapper, inside, columns, key == inspect(journey).identity[0])


def put_all(cls: Any, *, inside: Any = None, **columns: Any) -> None:
    mapper = inspect(cls)
    _put(mapper.base_mapper, inside, columns, True if mapper.single is False else cls.type == cls.definition.type_name)


def _put(mapper: Any, inside: Any, columns: dict[str, Any], condition: Any) -> None:
    values = {mapper.column_attrs[name].columns[0]: value for name, value in columns.items()}
    with writing(session_of(inside)) as session:
        session.execute(update(mapper.local_table).where(condition).values(values))


def one_more(model: Any, column: str) -> Any:
    """An expression that the database works out."""
    return getattr(model, column) + 1


def execute(sql: str, params: Any = (), *, inside: Any = None) -> list[tuple[Any, ...]]:
    """SQL with %s for its parameters, and the rows that it gave."""
    with writing(session_of(inside)) as session:
        connection = session.connection()
        statement = placed(sql, connection.dialect.paramstyle) if params else sql
        result = connection.exec_driver_sql(statement, tuple(params))
        return [tuple(row) for row in result] if result.returns_rows else []


@contextmanager
def statements() -> Iterator[list[str]]:
    """The SQL that was sent within the block."""
    sent: list[str] = []

    def hear(connection: Any, cursor: Any, statement: str, *more: Any) -> None:
        if "SAVEPOINT" not in statement:  # they stand for the transactions of a test
            sent.append(statement)

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", hear)
