"""The stores of a root: the engine's SQL on SQLAlchemy's connections.

MotorStore      on the motor's own connections: what a worker uses, and a performance by hand
JoinedStore     the same on one connection that somebody has a transaction open on, as tests do
SessionStore    in a session of the app's and its transaction: verbs from outside
"""

from __future__ import annotations

import asyncio
import threading
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, Engine, select
from sqlalchemy.orm import Session, selectinload
from sqlalchemy.util import greenlet_spawn

from stepper_motor.motor.loop import LoopThread
from stepper_motor.motor.ports import Before, JourneyId
from stepper_motor.sql.store import SqlStore
from stepper_motor.sqlalchemy import heroes
from stepper_motor.sqlalchemy.bridge import in_greenlet, wait_in_greenlet
from stepper_motor.sqlalchemy.connections import Connections
from stepper_motor.sqlalchemy.database import SqlAlchemyDatabase
from stepper_motor.sqlalchemy.lines import Line, OpenLine, SessionLine
from stepper_motor.sqlalchemy.outbox import called, on_commit
from stepper_motor.sqlalchemy.roots import Root
from stepper_motor.sqlalchemy.visits import StepSession, Visit, opened

if TYPE_CHECKING:
    from stepper_motor.sqlalchemy.motor import Motor

T = TypeVar("T")


class SqlAlchemyStore(SqlStore):
    """Asks and writes one table of journeys."""

    def __init__(self, motor: Motor, root: Root, dialect: Any) -> None:
        self.motor = motor
        self.root = root
        self.of_root = SqlAlchemyDatabase(root, dialect, self._line)
        super().__init__(self.of_root.table, self.of_root, root.journeys, motor.settings)

    @abstractmethod
    def _line(self) -> Line: ...

    def transaction(self) -> AbstractContextManager[None]:
        return self.of_root.transaction()

    def _loaded(self, session: Session, ids: Sequence[JourneyId]) -> dict[JourneyId, Any]:
        statement = select(self.root.cls).where(self.root.key_column.in_(ids))
        if self.root.has_hero_column:
            statement = statement.options(selectinload(self.root.cls.hero))
        found = {journey._id: journey for journey in session.scalars(statement).unique()}
        if not self.root.has_hero_column:
            load_heroes(self.root, list(found.values()), session)
        for journey in found.values():
            journey._loaded_by = self.motor
        return found

    def is_transient(self, error: BaseException) -> bool:
        return self.of_root.is_transient(error)

    def is_disconnect(self, error: BaseException) -> bool:
        return self.of_root.is_disconnect(error)


def load_heroes(root: Root, journeys: Sequence[Any], session: Session) -> None:
    """Read the heroes of these journeys, with one query for each kind of hero."""
    by_type: dict[str, list[Any]] = {}
    for journey in journeys:
        if journey.hero_id is not None:
            by_type.setdefault(journey.hero_type, []).append(journey)
    for hero_type, theirs in by_type.items():
        try:
            found = heroes.fetch(root, hero_type, {journey.hero_id for journey in theirs}, session)
        except heroes.UnknownHero:
            continue  # said where it can be settled: when the journey asks for its hero
        for journey in theirs:
            journey._hero, journey._hero_read = found.get(journey.hero_id), True


class MotorStore(SqlAlchemyStore):
    """On the motor's own connections."""

    def __init__(self, motor: Motor, root: Root, connections: Connections) -> None:
        self._connections = connections
        self._of_thread = threading.local()
        super().__init__(motor, root, connections.engine.dialect)

    # ---------------------------------------------------------------------------------------------- objects

    def _line(self) -> Line:
        return self._open or self._connections.own()

    @property
    def _open(self) -> OpenLine | None:
        """The connection of the atomic step that this thread performs."""
        line: OpenLine | None = getattr(self._of_thread, "open", None)
        return line

    def load(self, ids: Sequence[JourneyId]) -> dict[JourneyId, Any]:
        line = self._line()
        with self.motor.context():
            return line.run(lambda: self._apart(line.connection, ids))

    def _apart(self, connection: Connection, ids: Sequence[JourneyId]) -> dict[JourneyId, Any]:
        """Journeys that belong to no session, each with what was loaded along with it, for whoever performs it."""
        session, _ = self.session_on(connection)
        session.reads_where_it_writes = True
        try:
            found = self._loaded(session, ids)
            session.expunge_all()
        finally:
            session.close()
        for journey in found.values():
            values = journey.__dict__
            journey._related = {name: values.pop(name) for name in self.root.related if name in values}
        return found

    def load_again(self, before: Mapping[JourneyId, Before]) -> dict[JourneyId, Any]:
        return self.load(list(before))

    # ------------------------------------------------------------------------------------- the app's own code

    def mark(self, journey: Any) -> Visit:
        if journey._visit is not None:
            return journey._visit  # type: ignore[no-any-return]
        return Visit(self, journey)

    def session_on(self, bind: Engine | Connection) -> tuple[StepSession, Any]:
        """A session of the app's factory on this bind, and its AsyncSession, if it has one."""
        return opened(self.motor.session_factory, self._connections.engine, bind)

    def bind_of_step(self) -> Engine | Connection:
        """What the session of the step that this thread performs has to use."""
        return self._open.connection if self._open else self._connections.of_steps

    def after_commit_of_step(self) -> list[Callable[[], object]] | None:
        """Where what is to follow the commit of the atomic step that this thread performs is kept."""
        return self._open.after_commit if self._open else None

    def tidy(self, mark: Visit, *, commit: bool) -> None:
        self._in_step(partial(mark.end_transaction, commit=commit))

    def leave(self, mark: Visit) -> None:
        self._in_step(mark.leave)

    def block_depth(self, mark: Visit) -> int:
        return mark.depth

    def holds_connection(self, mark: Visit) -> bool:
        return self._connections.engine.dialect.is_async and mark.in_transaction

    def call_here(self, function: Callable[[], T]) -> T:
        with self.motor.context():
            return self._in_step(function)

    def _in_step(self, function: Callable[[], T]) -> T:
        bridge = self._connections.step_bridge
        return bridge.call(function) if bridge else function()

    @contextmanager
    def atomic_step(self) -> Iterator[None]:
        line = self._of_thread.open = OpenLine(self._in_step(self._begun), self._connections.step_bridge)
        try:
            yield
            line.run(line.connection.commit)
        except BaseException:
            with suppress(Exception):
                line.run(line.connection.rollback)
            raise
        finally:
            self._of_thread.open = None
            with suppress(Exception):
                line.run(line.connection.close)
        for callback in line.after_commit:
            called(callback)

    def _begun(self) -> Connection:
        connection = self._connections.of_steps.connect()
        if connection.dialect.name != "sqlite":
            connection = connection.execution_options(isolation_level="READ COMMITTED")
        connection.begin()
        return connection

    def checkpoint(self, journey: Any, own: Mapping[str, Any]) -> int:
        """Write own columns as long as the performance holds the journey, at once; returns how many rows matched."""
        table, inside = self.root.table, journey._inside
        columns = {self.root.mapper.column_attrs[name].columns[0]: value for name, value in own.items()}
        held = table.update().values(columns).where(
            self.root.key_column == journey._id, table.c.fence == inside.fence, table.c.performed_by == inside.holder
        )  # fmt: skip
        if journey._visit.is_atomic or (self.of_root.dialect.name == "sqlite" and journey._visit.in_transaction):
            # SQLite has one writer, and that is the step itself.
            return self._in_step(lambda: int(journey._visit.open().execute(held).rowcount))
        line = self._line()
        return line.run(lambda: int(line.connection.execute(held).rowcount))

    # ----------------------------------------------------------------------------------------- transactions

    def performing(self) -> MotorStore:
        return self

    @property
    def in_atomic_step(self) -> bool:
        """Whether this thread performs an atomic step."""
        return self._open is not None

    def in_transaction(self) -> bool:
        return self.in_atomic_step or self._connections.in_transaction

    def in_test(self) -> bool:
        return False

    def may_retry(self) -> bool:
        return not self.in_transaction()

    def on_commit(self, callback: Callable[[], object]) -> None:
        callback()

    def when_committed(self, callback: Callable[[], object]) -> None:
        callback()

    def notify(self) -> None:
        self.motor.announcer.notify(self._connections)

    # ------------------------------------------------------------------------------------------------ async

    def wait_here(self, awaitable: Awaitable[Any]) -> Any:
        return self._connections.waiting_bridge.wait_for_body(awaitable)

    async def in_its_thread(self, function: Callable[[], Any]) -> Any:
        return await asyncio.to_thread(self._call_and_give_back, function)

    def _call_and_give_back(self, function: Callable[[], T]) -> T:
        """The thread is not ours, and keeps no connection of ours."""
        try:
            return self.call_here(function)
        finally:
            self.close()

    def awaited(self, awaitable: Awaitable[Any]) -> Coroutine[Any, Any, Any]:
        return _await(awaitable)

    def loop_for(self, worker: LoopThread) -> LoopThread:
        """The connections of async steps belong to one event loop."""
        bridge = self._connections.step_bridge
        return bridge.thread if bridge else worker

    def close_awaited(self) -> None:
        self._connections.close_steps()

    # ------------------------------------------------------------------------------------------- connections

    def let_go(self) -> None:
        self._connections.let_go()

    def retire(self) -> None:
        self._connections.retire()

    def close(self) -> None:
        self._connections.give_back()


class JoinedStore(MotorStore):
    """On one connection, inside its transaction: nothing of it is committed, and no other connection sees it."""

    def __init__(self, motor: Motor, root: Root, connections: Connections, connection: Connection) -> None:
        self._test_line = OpenLine(connection)
        self._is_atomic = False
        super().__init__(motor, root, connections)

    def _line(self) -> Line:
        return self._test_line

    def bind_of_step(self) -> Engine | Connection:
        return self._test_line.connection

    def _in_step(self, function: Callable[[], T]) -> T:
        return function()

    @contextmanager
    def atomic_step(self) -> Iterator[None]:
        self._is_atomic = True
        try:
            with self._test_line.transaction():
                yield
        finally:
            self._is_atomic = False

    @property
    def in_atomic_step(self) -> bool:
        return self._is_atomic

    def in_transaction(self) -> bool:
        return False

    def in_test(self) -> bool:
        return True

    def may_retry(self) -> bool:
        return False

    def notify(self) -> None:
        """Nobody else sees what was written."""

    def wait_here(self, awaitable: Awaitable[Any]) -> Any:
        return wait_in_greenlet(awaitable) if in_greenlet() else super().wait_here(awaitable)

    async def in_its_thread(self, function: Callable[[], Any]) -> Any:
        if self._test_line.connection.dialect.is_async:  # whose connection belongs to this event loop
            return await greenlet_spawn(self.call_here, function)
        return await super().in_its_thread(function)


class SessionStore(SqlAlchemyStore):
    """In a session of the app's."""

    def __init__(self, motor: Motor, root: Root, session: Session) -> None:
        self.session = session
        self._session_line = SessionLine(session, root)
        self.bind = session.get_bind(**root.written)
        super().__init__(motor, root, self.bind.dialect)

    def _line(self) -> Line:
        return self._session_line

    def performing(self) -> MotorStore:
        if self.in_test():
            self.session.flush()
        return self.motor.performing(self.root, self.bind)

    def load(self, ids: Sequence[JourneyId]) -> dict[JourneyId, Any]:
        """Apart from the session, whose objects may have been changed."""
        with Session(self._session_line.connection, autoflush=False) as reading:
            found = self._loaded(reading, ids)
            reading.expunge_all()
        return found

    def in_transaction(self) -> bool:
        if self._visit is not None and self._visit.is_atomic:
            return True
        return self.session.in_transaction() and not self.in_test()

    def in_test(self) -> bool:
        if self._visit is not None:  # its connection may be that of an atomic step
            return self._visit.store.in_test()
        return isinstance(self.bind, Connection)

    @property
    def _visit(self) -> Visit | None:
        """Of the step whose session this is."""
        performed = getattr(self.session, "journey", None)
        return None if performed is None else performed._visit

    def may_retry(self) -> bool:
        return False

    def on_commit(self, callback: Callable[[], object]) -> None:
        on_commit(self.session, callback)

    def when_committed(self, callback: Callable[[], object]) -> None:
        on_commit(self.session, callback, may_wait=True)

    def notify(self) -> None:
        self.performing().notify()


async def _await(awaitable: Awaitable[Any]) -> Any:
    return await awaitable
