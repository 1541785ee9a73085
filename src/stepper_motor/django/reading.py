"""Reading one row by a statement that is kept, as Django itself would read it.

A hero is read before each step, and to build the same query anew takes longer than the database takes to answer it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from django.db import connections, models


class _Statement(NamedTuple):
    sql: str
    names: list[str]


_statements: WeakKeyDictionary[type[models.Model], dict[str, _Statement | None]] = WeakKeyDictionary()
"""By model, and by the database's kind; None where only the ORM knows how."""


def read(model: type[models.Model], key: Any, alias: str) -> models.Model | None:
    """The object with this primary key, by way of the base manager; None: there is none."""
    statement = _statement(model, connections[alias])
    if statement is None or (isinstance(key, int) and not -(2**63) <= key < 2**63):  # no driver can bind that
        return model._base_manager.using(alias).filter(pk=key).first()
    connection = connections[alias]
    pk: Any = model._meta.pk
    with connection.cursor() as cursor:
        cursor.execute(statement.sql, [pk.get_db_prep_value(key, connection)])
        row = cursor.fetchone()
    if row is None:
        return None
    return model.from_db(alias, statement.names, converted(model._meta.concrete_fields, row, connection))


def converted(fields: Sequence[Any], values: Sequence[Any], connection: Any) -> list[Any]:
    """The values of these columns as Django would have read them."""
    found = list(values)
    for n, field in enumerate(fields):
        column = field.get_col(field.model._meta.db_table)  # of a foreign key: what its target's key is read as
        for convert in [*connection.ops.get_db_converters(column), *column.get_db_converters(connection)]:
            found[n] = convert(found[n], column, connection)
    return found


def _statement(model: type[models.Model], connection: Any) -> _Statement | None:
    known = _statements.setdefault(model, {})
    if connection.vendor not in known:
        known[connection.vendor] = _made(model, connection) if _is_plain(model) else None
    return known[connection.vendor]


def _is_plain(model: type[models.Model]) -> bool:
    """Whether its rows are those of one table, and nothing of the app's stands between them and the objects."""
    meta, manager = model._meta, model._base_manager
    is_of_one_column = not hasattr(meta.pk, "fields")
    return type(manager) is models.Manager and not meta.parents and is_of_one_column and are_plain(meta.concrete_fields)


def are_plain(fields: Iterable[Any]) -> bool:
    """Whether these are Django's own kinds of columns: others may have themselves selected by an expression of theirs,
    and a row that is returned by a statement has none of that."""
    return all(_is_djangos(field) for field in fields)


def _is_djangos(field: Any) -> bool:
    is_its_own = type(field).__module__.startswith("django.db.models.")
    return is_its_own and (not field.remote_field or _is_djangos(field.target_field))


def _made(model: type[models.Model], connection: Any) -> _Statement:
    quote, fields = connection.ops.quote_name, model._meta.concrete_fields
    pk: Any = model._meta.pk
    columns = ", ".join(quote(field.column) for field in fields)
    sql = f"SELECT {columns} FROM {quote(model._meta.db_table)} WHERE {quote(pk.column)} = "
    return _Statement(sql.replace("%", "%%") + "%s", [field.attname for field in fields])
