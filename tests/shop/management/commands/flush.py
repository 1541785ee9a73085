"""Empties the database after a test with transactions of its own: Django's test cases call it by its name.

Django's own command truncates, which makes every file of a table and its indexes anew on PostgreSQL, and then has all
content types and permissions written again: tens of milliseconds of each test.
"""

from __future__ import annotations

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management.color import no_style
from django.core.management.commands import flush
from django.db import connections

WRITTEN_BY_MIGRATE = (ContentType, Permission)


class Command(flush.Command):
    help = "Empties the tables, except for what `migrate` wrote there."

    def handle(self, **options):
        connection = connections[options["database"]]
        found = connection.introspection.django_table_names(only_existing=True, include_views=False)
        tables = sorted({*found} - {model._meta.db_table for model in WRITTEN_BY_MIGRATE})
        if connection.vendor == "postgresql":  # its foreign keys are looked at when the transaction ends
            statements = [f"DELETE FROM {connection.ops.quote_name(table)}" for table in tables]
            # A test may have had all sequences begin anew.
            statements += connection.ops.sequence_reset_sql(no_style(), WRITTEN_BY_MIGRATE)
        else:
            statements = connection.ops.sql_flush(no_style(), tables)
        connection.ops.execute_sql_flush(statements)
