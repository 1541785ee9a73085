"""Which transaction wrote a row: PostgreSQL remembers it."""

from __future__ import annotations

from typing import Any

from django.db import connection


def written_by(table: Any, **key: object) -> str:
    """The number of the transaction that wrote the row with this key.

    Args:
        table: its name, or its model.
    """
    name = table if isinstance(table, str) else table._meta.db_table
    ((column, value),) = key.items()
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT xmin::text FROM "{name}" WHERE "{column}" = %s', [value])
        ((xmin,),) = cursor.fetchall()
    return str(xmin)
