"""What is to be done after the commit of the app's session, and never if it is rolled back.

SQLAlchemy's own "once" listeners survive a rollback and then hear of the next commit. So what waits is kept beside the
transaction, or savepoint, in which it was said, and goes with it: also where a session is closed in the middle of a
transaction, of which SQLAlchemy tells nobody.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

OUTBOX = "stepper_motor_outbox"
"""The name in `session.info`."""
_logger = logging.getLogger("stepper_motor")


def on_commit(session: Session, callback: Callable[[], object]) -> None:
    """Call back after the outermost transaction of the session has committed; at once if there is none."""
    transaction = session.get_nested_transaction() or session.get_transaction()
    if transaction is None:
        called(callback)
        return
    if OUTBOX not in session.info:
        session.info[OUTBOX] = []
        event.listen(session, "after_commit", _committed)
        event.listen(session, "after_soft_rollback", _rolled_back)
    session.info[OUTBOX].append((transaction, callback))


def _committed(session: Session) -> None:
    if session.in_nested_transaction():  # SQLAlchemy tells of the end of a savepoint, too
        return
    waiting, session.info[OUTBOX] = session.info[OUTBOX], []
    committed = session.get_transaction()
    later: list[Callable[[], object]] | None = getattr(session, "after_commit", None)
    for transaction, callback in waiting:
        if _is_within(transaction, committed):
            called(callback) if later is None else later.append(callback)


def _rolled_back(session: Session, previous: Any) -> None:
    session.info[OUTBOX] = [each for each in session.info[OUTBOX] if not _is_within(each[0], previous)]


def _is_within(transaction: Any, outer: Any) -> bool:
    while transaction is not None:
        if transaction is outer:
            return True
        transaction = transaction.parent
    return False


def called(callback: Callable[[], object]) -> None:
    """Call back: what is committed is committed, whatever comes after it."""
    try:
        callback()
    except Exception:
        _logger.exception("a callback after a commit raised")
