"""What is written past the engine: a past that would take long to live through, and SQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, models
from django.db.models import F
from django.test.utils import CaptureQueriesContext


def put(journey: Any, **columns: Any) -> Any:
    """Write the engine's columns past the engine: a past that would take long to live through."""
    put_behind(journey, **columns)
    journey.refresh_from_db()
    return journey


def put_behind(journey: Any, *, inside: Any = None, **columns: Any) -> None:
    """The same, and the object is not told."""
    models.QuerySet.update(type(journey)._base_manager.filter(pk=journey.pk), **columns)


def put_all(cls: Any, *, inside: Any = None, **columns: Any) -> None:
    models.QuerySet.update(cls._base_manager.all(), **columns)


def one_more(model: Any, column: str) -> Any:
    """An expression that the database works out."""
    return F(column) + 1


def execute(sql: str, params: Any = (), *, inside: Any = None) -> list[tuple[Any, ...]]:
    """SQL with %s for its parameters, and the rows that it gave."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall()) if cursor.description else []


@contextmanager
def statements() -> Iterator[list[str]]:
    """The SQL that was sent within the block."""
    sent: list[str] = []
    with CaptureQueriesContext(connection) as captured:
        yield sent
    sent.extend(query["sql"] for query in captured)
