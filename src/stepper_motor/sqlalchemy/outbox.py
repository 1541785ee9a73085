"""What is to be done after the commit of the app's session, and never if it is rolled back.

SQLAlchemy's own "once" listeners survive a rollback and then hear of the next commit. So what waits is kept beside the
transaction, or savepoint, in which it was said, and goes with it: also where a session is closed in the middle of a
transaction, of which SQLAlchemy tells nobody.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

from stepper_motor.motor.threads import started
from stepper_motor.sqlalchemy.bridge import in_event_loop, wait_in_greenlet

OUTBOX = "stepper_motor_outbox"
"""The name in `session.info` of what waits for the commit."""
COMMITTED = "stepper_motor_committed"
"""The name of what waits for the end of the transaction, when the session has given its connection back."""
_logger = logging.getLogger("stepper_motor")


def on_commit(session: Session, callback: Callable[[], object], *, may_wait: bool = False) -> None:
    """Call back after the outermost transaction of the session has committed; at once if there is none.

    Args:
        may_wait: it may wait for others, who must hold up neither the session's connection nor an event loop.
    """
    transaction = session.get_nested_transaction() or session.get_transaction()
    if transaction is None:
        _call(callback, may_wait)
        return
    if OUTBOX not in session.info:
        session.info[OUTBOX], session.info[COMMITTED] = [], []
        event.listen(session, "after_commit", _committed)
        event.listen(session, "after_soft_rollback", _rolled_back)
        event.listen(session, "after_transaction_end", _ended)
    session.info[OUTBOX].append((transaction, callback, may_wait))


def _committed(session: Session) -> None:
    if session.in_nested_transaction():  # SQLAlchemy tells of the end of a savepoint, too
        return
    waiting, session.info[OUTBOX] = session.info[OUTBOX], []
    committed = session.get_transaction()
    later: list[Callable[[], object]] | None = getattr(session, "after_commit", None)
    for transaction, callback, may_wait in waiting:
        if not _is_within(transaction, committed):
            continue
        if later is not None:
            later.append(partial(_call, callback, may_wait))
        elif may_wait:
            session.info[COMMITTED].append(callback)
        else:
            called(callback)


def _ended(session: Session, transaction: Any) -> None:
    if transaction.parent is None:
        waiting, session.info[COMMITTED] = session.info[COMMITTED], []
        _call_those_that_may_wait(waiting)


def _rolled_back(session: Session, previous: Any) -> None:
    session.info[OUTBOX] = [each for each in session.info[OUTBOX] if not _is_within(each[0], previous)]


def _is_within(transaction: Any, outer: Any) -> bool:
    while transaction is not None:
        if transaction is outer:
            return True
        transaction = transaction.parent
    return False


def _call(callback: Callable[[], object], may_wait: bool) -> None:
    if may_wait:
        _call_those_that_may_wait([callback])
    else:
        called(callback)


def _call_those_that_may_wait(callbacks: Sequence[Callable[[], object]]) -> None:
    if callbacks and in_event_loop():
        wait_in_greenlet(_called_by_a_thread(callbacks))
    else:
        for callback in callbacks:
            called(callback)


def _called_by_a_thread(callbacks: Sequence[Callable[[], object]]) -> asyncio.Future[None]:
    """All of them, also where whoever waits for that is canceled meanwhile.

    Not by a thread of the event loop's: those are few, and look up the addresses of all that the app connects to.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def call_them() -> None:
        for callback in callbacks:
            called(callback)
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(tell)

    def tell() -> None:
        if not done.done():
            done.set_result(None)

    started(partial(copy_context().run, call_them), "tickets")
    return done


def called(callback: Callable[[], object]) -> None:
    """Call back: what is committed is committed, whatever comes after it."""
    try:
        callback()
    except Exception:
        _logger.exception("a callback after a commit raised")
