"""The session in which the library runs the app's code: of the app's factory, on the motor's connections.

The journey belongs to it meanwhile, and so does its hero. What the code writes is committed or rolled back with the
session; the journey's own columns are not: a flush leaves them to the settlement, and a rollback leaves them alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, inspect
from sqlalchemy.exc import DBAPIError, InvalidRequestError, PendingRollbackError
from sqlalchemy.orm import Session, SessionTransactionOrigin, object_session
from sqlalchemy.orm.attributes import set_committed_value

from stepper_motor.journeys.errors import StepperMotorError
from stepper_motor.sqlalchemy.bridge import in_greenlet

if TYPE_CHECKING:
    from stepper_motor.sqlalchemy.store import MotorStore


class StepSession(Session):
    """Mixed into whatever class of session the app's factory makes."""

    motor_bind: Engine | Connection
    """Takes the place of the app's engine; sessions may use other engines besides."""
    app_engine: Engine
    reads_where_it_writes = False
    """Whether the app's own `get_bind()` is asked where a table is written, also for what is read."""
    journey: Any = None
    lost_connection = False
    """Whether that is why the last flush failed."""
    after_commit: list[Callable[[], object]] | None = None
    """In an atomic step: to be called when its transaction has committed, which the session's commit does not."""

    def get_bind(self, mapper: Any = None, **told: Any) -> Engine | Connection:
        if self.reads_where_it_writes and mapper is not None:
            told["clause"] = inspect(mapper).local_table.update()
        found = super().get_bind(mapper, **told)
        return self.motor_bind if found.engine is self.app_engine else found

    def flush(self, objects: Any = None) -> None:
        if self.journey is not None and self.journey._inside:  # a hook's flush writes
            self.journey._hold_back()
        try:
            super().flush(objects)
        except DBAPIError as error:
            self.lost_connection = error.connection_invalidated
            raise

    def rollback(self) -> None:
        super().rollback()
        if self.journey is not None:
            self.journey._restore()


@cache
def _step_session_like(cls: Any) -> type[StepSession]:
    return type(f"Step{cls.__name__}", (StepSession, cls), {})


def opened(factory: Callable[[], Any], app_engine: Engine, bind: Engine | Connection) -> tuple[StepSession, Any]:
    """A session of the app's factory whose statements go to `bind`, and its AsyncSession, if it has one.

    Its class is changed after it was made: factories come in many forms, and all of them make a `Session` in the end.
    """
    made = factory()
    session: Any = getattr(made, "sync_session", made)
    cls: Any = type(session)
    session.__class__ = _step_session_like(cls)
    session.app_engine, session.motor_bind = app_engine, bind
    session.expire_on_commit = False
    return session, made if made is not session else None


class Visit:
    """A journey and its session, from the moment its code may run until all of it has.

    The session is opened when the code first asks for it, for the hero, or for what only a session can load: most of
    what a session costs, a step that does without it need not pay.
    """

    def __init__(self, store: MotorStore, journey: Any) -> None:
        self.store = store
        self.journey = journey
        self.is_atomic = store.in_atomic_step
        """Asked now, in the thread that performs: an awaited body runs in another, and is in the same transaction."""
        self._bind = store.bind_of_step()
        self._after_commit = store.after_commit_of_step()
        self._session: StepSession | None = None
        self._async_session: Any = None
        journey._visit, journey._performed_in = self, store
        if journey._root.related:
            self.open()

    def open(self) -> StepSession:
        """The session, opened by now."""
        if self._session is None:
            self._session, self._async_session = session, _ = self.store.session_on(self._bind)
            if isinstance(session.motor_bind, Connection):
                # What the code commits stays within that transaction.
                session.join_transaction_mode = "create_savepoint"
            session.after_commit = self._after_commit
            if object_session(self.journey) is None:
                session.add(self.journey)
            self._bring_in()
            session.commit()  # nothing was asked yet; `with session.begin()` is the code's own to write
            session.journey = self.journey
        return self._session

    def _bring_in(self) -> None:
        """Copies of what was loaded with the journey: those of one batch may share it, and a session shares nothing."""
        journey = self.journey
        for name, loaded in journey.__dict__.pop("_related", {}).items():
            copies = [self._copy(each) for each in loaded] if isinstance(loaded, list) else self._copy(loaded)
            set_committed_value(journey, name, copies)
        if journey._hero is not None:
            self._bring_hero()

    def _copy(self, loaded: Any) -> Any:
        assert self._session is not None
        return None if loaded is None else self._session.merge(loaded, load=False)

    def _bring_hero(self) -> None:
        journey = self.journey
        try:
            journey._hero = self._copy(journey._hero)
        except InvalidRequestError:  # an earlier visit changed it and did not write that
            journey._hero, journey._hero_read = None, False

    def session_for_caller(self) -> Any:
        """The AsyncSession, where the caller is a coroutine; else the Session."""
        session = self.open()
        if not _is_coroutine_s():
            return session
        if self._async_session is None:
            raise StepperMotorError(
                "an async step needs an AsyncSession: give the Motor an async_sessionmaker (sync steps can use it too)"
            )
        return self._async_session

    @property
    def in_transaction(self) -> bool:
        return self._session is not None and self._session.in_transaction()

    def end_transaction(self, *, commit: bool) -> None:
        """Commit or roll back what the app's code left open.

        Raises:
            Exception: the flush or the commit failed; it was rolled back.
        """
        session = self._session
        if session is None or not (session.in_transaction() or session.new or session.dirty or session.deleted):
            return
        if not commit:
            session.rollback()
            return
        try:
            session.commit()
        except BaseException as error:
            with suppress(Exception):
                session.rollback()
            # A body that went on after its connection was lost has ended normally (SEMANTICS 4); one that went on after
            # the database refused something has lost what it wrote before, and failed.
            if not (session.lost_connection and isinstance(error, PendingRollbackError)):
                raise

    @property
    def depth(self) -> int:
        """How many transaction blocks the app's code has open."""
        if self._session is None:
            return 0
        outermost, nested = self._session.get_transaction(), self._session.get_nested_transaction()
        depth = int(outermost is not None and outermost.origin is SessionTransactionOrigin.BEGIN)
        while nested is not None and nested.nested:
            depth, nested = depth + 1, nested.parent
        return depth

    def leave(self) -> None:
        """Close the session; the journey goes on without one."""
        journey, session = self.journey, self._session
        if journey._visit is not self:
            return
        journey._visit = None
        if session is None:
            return
        session.journey = None
        with suppress(Exception):
            session.rollback() if session.in_transaction() else None
        journey._restore()
        with suppress(InvalidRequestError):
            session.expunge(journey)
        session.close()


def _is_coroutine_s() -> bool:
    """Whether the calling code runs in an event loop, and not where SQLAlchemy waits for it."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return not in_greenlet()
