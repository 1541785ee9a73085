"""What the app's code may leave open on a connection, and how the library ends it."""

from __future__ import annotations

from typing import Any, NamedTuple

IDLE, IN_ERROR, UNKNOWN = 0, 3, 4
"""PostgreSQL's transaction status, as psycopg gives it."""
IN_TRANSACTION = 1
"""The bit in MySQL's server status."""


class Mark(NamedTuple):
    """A connection before the app's code ran."""

    depth: int
    """How many transaction blocks were open."""
    savepoint: str | None = None
    """Within a test's transaction, where nothing can be rolled back as a whole: where to go back to."""


class _Undone(Exception):
    """Handed to a transaction block that is to be rolled back."""


def mark(connection: Any) -> Mark:
    """What is open on `connection` now."""
    blocks = connection.atomic_blocks
    in_test = bool(blocks) and all(block._from_testcase for block in blocks) and not connection.needs_rollback
    return Mark(len(blocks), connection.savepoint() if in_test else None)


def leave_blocks(connection: Any, mark: Mark, *, commit: bool) -> None:
    """Leave the transaction blocks that were entered since, and undo what ruined a test's transaction."""
    while len(connection.atomic_blocks) > mark.depth:
        block = connection.atomic_blocks[-1]
        if commit:
            block.__exit__(None, None, None)
        else:
            block.__exit__(_Undone, _Undone(), None)
    if mark.savepoint is None:
        return
    if connection.needs_rollback or _status(connection) == IN_ERROR:
        connection.needs_rollback = False
        connection.savepoint_rollback(mark.savepoint)
    connection.savepoint_commit(mark.savepoint)


def end_transaction(connection: Any, *, commit: bool) -> None:
    """End a transaction that was begun by switching autocommit off, or by a BEGIN of the app's own.

    Raises:
        Exception: the commit failed. The connection was closed, so that nothing of it stays.
    """
    if connection.get_autocommit() and not _begun(connection):
        return
    try:
        connection.commit() if commit else connection.rollback()
        if not connection.get_autocommit():
            connection.set_autocommit(True)
    except Exception:
        connection.close()
        if commit:
            raise


def _begun(connection: Any) -> bool:
    """Whether the server is in a transaction, as far as the driver can tell without asking it."""
    if connection.vendor == "postgresql":
        return _status(connection) not in (IDLE, UNKNOWN)
    if connection.vendor == "sqlite":
        return bool(connection.connection.in_transaction)
    return bool(getattr(connection.connection, "server_status", 0) & IN_TRANSACTION)


def _status(connection: Any) -> int:
    if connection.vendor != "postgresql" or connection.connection is None:
        return UNKNOWN
    return int(connection.connection.info.transaction_status)
