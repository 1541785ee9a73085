"""The caller's transactions, and connections of other threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db import connection, connections, transaction

T = TypeVar("T")


@contextmanager
def in_transaction() -> Iterator[None]:
    """The caller's transaction; within another, a savepoint."""
    with transaction.atomic():
        yield


@contextmanager
def rolled_back() -> Iterator[None]:
    """The same, rolled back at its end."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def in_a_transaction(journey: Any = None) -> bool:
    """Whether the caller's code, or that of this journey's step, is inside a transaction."""
    return connection.in_atomic_block


def depth() -> int:
    """How many transaction blocks are open on the test's connection."""
    return len(connection.atomic_blocks)


def ruined() -> bool:
    """Whether the test's transaction can only be rolled back."""
    return connection.needs_rollback


def on_its_own(function: Callable[[], T]) -> T:
    """Call it in a thread that has a connection of its own, and close that."""
    try:
        return function()
    finally:
        connections.close_all()
