"""Sessions that commit by themselves, and journeys whose verbs do.

The tests are written as Django code is: outside of a transaction every call is one of its own. Here the same is said
in SQLAlchemy's terms: what is read is read without a transaction, and what is written is committed at once, unless
the test is in a block of `in_transaction()`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import copy_context
from functools import wraps
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session, object_session
from sqlalchemy.util import await_only, greenlet_spawn

VERBS = ("pause", "resume", "cancel", "skip", "reattempt", "reschedule", "jump_to", "finish")


class HomeSession(Session):
    """Reads without a transaction, writes in one."""

    def __init__(self, place: Engine | Connection, **options: Any) -> None:
        super().__init__(expire_on_commit=False, join_transaction_mode="rollback_only", **options)
        self.place = place
        self.writes = False
        """Whether what is sent now belongs to a transaction."""
        self.lock = threading.RLock()

    def get_bind(self, *args: Any, **kwargs: Any) -> Engine | Connection:
        if self.writes or isinstance(self.place, Connection):
            return self.place
        return self.place.execution_options(isolation_level="AUTOCOMMIT")

    def write(self, writes: bool) -> None:
        self.writes = writes
        # Within the transaction of a test what is written is a savepoint; what is read begins none.
        self.join_transaction_mode = "create_savepoint" if writes else "rollback_only"  # type: ignore[assignment]


@contextmanager
def writing(session: Session) -> Iterator[Any]:
    """What is done in the block is committed at its end, unless the session was in a transaction before."""
    if not isinstance(session, HomeSession):
        yield from _in_a_step(session)
        return
    if session.writes:
        yield session
        return
    session.write(True)
    try:
        end(session)
        yield session
    except BaseException:
        _give_up(session)
        raise
    else:
        session.commit()
    finally:
        session.write(False)


@asynccontextmanager
async def awriting(session: HomeSession) -> AsyncIterator[HomeSession]:
    """Same as `writing`, except that it is for coroutines."""
    session.write(True)
    try:
        await greenlet_spawn(end, session)
        yield session
    except BaseException:
        await greenlet_spawn(_give_up, session)
        raise
    else:
        await greenlet_spawn(session.commit)
    finally:
        session.write(False)


def _give_up(session: Session) -> None:
    """What was written before an error stands, unless the error was the database's."""
    session.commit() if session.in_transaction() and session.is_active else session.rollback()


def _in_a_step(session: Session) -> Iterator[Session]:
    """A step's own session: it may be in a transaction that the step ends, or the library."""
    by_itself = not session.in_transaction() and not session.journey._visit.store.in_atomic_step
    try:
        yield session
        session.flush()
    except BaseException:
        if by_itself:
            session.rollback()
        raise
    if by_itself:
        session.commit()


def end(session: Session) -> None:
    """End what reading has begun, and give back its connection."""
    transaction = session.get_transaction()
    if transaction is not None and transaction._connections:  # what was only changed begins a transaction as well
        session.commit()


def loop_runs() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def await_in_this_context(coroutine: Any) -> Any:
    """From sync code on an event loop: await it with the context variables of this moment."""
    return await_only(asyncio.get_running_loop().create_task(coroutine, context=copy_context()))


class Committing:
    """Outside of a step and of a block each verb is a transaction."""

    def __init_subclass__(cls, **options: Any) -> None:
        if "type_name" not in vars(cls):  # modules of tests have classes of the same name
            cls.type_name = f"{cls.__module__.rpartition('.')[2]}.{cls.__name__}"
        super().__init_subclass__(**options)

    def perform_next_step(self: Any, fence: str | None = None) -> Any:
        _end_reading(self)
        session = object_session(self)
        if isinstance(session, HomeSession) and isinstance(session.place, Engine) and loop_runs():
            return await_in_this_context(super().aperform_next_step(fence))  # type: ignore[misc]
        return super().perform_next_step(fence)  # type: ignore[misc]

    async def aperform_next_step(self: Any, fence: str | None = None) -> Any:
        await greenlet_spawn(_end_reading, self)
        return await super().aperform_next_step(fence)  # type: ignore[misc]


def _end_reading(journey: Any) -> None:
    session = object_session(journey)
    if isinstance(session, HomeSession) and not session.writes and session.in_transaction():
        end(session)


def _committing(name: str) -> Callable[..., Any]:
    def verb(self: Any, *args: Any, **options: Any) -> Any:
        call = getattr(super(Committing, self), name)
        session = object_session(self)
        if self._inside or session is None:
            return call(*args, **options)
        with writing(session):
            return call(*args, **options)

    verb.__name__ = name
    return verb


def _awaited(name: str) -> Callable[..., Any]:
    committing = _committing(name)

    @wraps(committing)
    async def twin(self: Any, *args: Any, **options: Any) -> Any:
        if self._inside:
            return await getattr(super(Committing, self), f"a{name}")(*args, **options)
        return await greenlet_spawn(committing, self, *args, **options)

    return twin


for _name in VERBS:
    setattr(Committing, _name, _committing(_name))
    setattr(Committing, f"a{_name}", _awaited(_name))
