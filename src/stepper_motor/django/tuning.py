"""Storage settings of the tables on PostgreSQL, given once, after `migrate`.

A fillfactor leaves room in each page for updates in place; an eager autovacuum keeps the due index short, where every
performance leaves a dead entry at its front.
"""

from __future__ import annotations

from typing import Any

from django.db import connections

from stepper_motor.django.metaclass import roots

STORAGE = (
    "fillfactor = 95, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 200, "
    "autovacuum_vacuum_cost_delay = 1"
)


def tune_tables(*, using: str, **_: Any) -> None:
    """Give every table of journeys its storage settings, unless somebody has given it others."""
    connection = connections[using]
    if connection.vendor != "postgresql":
        return
    tables = [root._meta.db_table for root in roots]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relname = ANY(%s) AND relkind = 'r' AND reloptions IS NULL "
            "AND pg_table_is_visible(oid)",
            [tables],
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f"ALTER TABLE {connection.ops.quote_name(table)} SET ({STORAGE})")
