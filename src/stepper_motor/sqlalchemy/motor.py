"""The motor for SQLAlchemy: made by the app from its session factory, and as many of them as it likes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker
from sqlalchemy.orm import Session, scoped_session, sessionmaker
from sqlalchemy.util import greenlet_spawn

from stepper_motor.journeys.errors import DefinitionError
from stepper_motor.journeys.outcomes import Outcome
from stepper_motor.journeys.row import State
from stepper_motor.motor.events import Event, Events
from stepper_motor.motor.forks import KnowsForks
from stepper_motor.motor.motor import HOOK_OF
from stepper_motor.motor.motor import Motor as CoreMotor
from stepper_motor.motor.receiving import receives
from stepper_motor.motor.schedulers import Scheduler
from stepper_motor.motor.settings import Settings
from stepper_motor.motor.threads import started
from stepper_motor.motor.worker import Worker
from stepper_motor.sqlalchemy import heroes as hero_models
from stepper_motor.sqlalchemy.bridge import in_event_loop, wait_in_greenlet
from stepper_motor.sqlalchemy.calls import in_a_thread
from stepper_motor.sqlalchemy.connections import Connections
from stepper_motor.sqlalchemy.finding import MOTOR
from stepper_motor.sqlalchemy.notifications import Announcer, Listener
from stepper_motor.sqlalchemy.roots import Root, root_of
from stepper_motor.sqlalchemy.store import JoinedStore, MotorStore, SessionStore

ASYNC_CONNECTIONS = 5


class Motor(CoreMotor, KnowsForks):
    """Moves the journeys of an app.

    Args:
        session_factory: makes the app's sessions: a `sessionmaker`, an `async_sessionmaker`, a `scoped_session`, or
            anything that gives a `Session` or an `AsyncSession` when it is called. Steps get sessions of it, on
            connections of the motor's own.
        journeys: the class that mixes in `JourneyMixin`, or several: one for each table.
        heroes: mapped classes of heroes that have another declarative base than the journeys.
        context: entered around whatever runs of the app's code (Flask: `app.app_context`).
        async_connections: how many database connections async steps share.
        scheduler: hands tickets to the app's job queue; without one, the built-in worker looks for what is due.
        name: told in tickets, where a process has several motors with a scheduler.
        events: to hear what happens; one of its own if not given.
        settings: as in `stepper_motor.motor.settings.Settings`, by name: `lease=30`, `concurrency=4` ...

    Raises:
        DefinitionError: an unknown setting, an impossible value, a class that is no journey.
    """

    def __init__(
        self,
        session_factory: Callable[[], Any] | None,
        *,
        journeys: Any,
        heroes: Iterable[Any] = (),
        context: Callable[[], AbstractContextManager[Any]] = nullcontext,
        async_connections: int = ASYNC_CONNECTIONS,
        scheduler: Scheduler | None = None,
        name: str = "",
        events: Events | None = None,
        **settings: Any,
    ) -> None:
        self._given_settings = Settings.of(settings)
        self._has_concurrency = "concurrency" in settings
        super().__init__(self._given_settings, events, scheduler=scheduler, name=name)
        self.roots = _roots(journeys)
        self.context = context
        self.announcer = Announcer()
        self._factory = session_factory
        self._async_connections = async_connections
        self._connections: dict[Engine, Connections] = {}
        self._stores_of: dict[Root, MotorStore] = {}
        self._lock = threading.RLock()
        self.begins_anew_in_a_fork()
        for root in self.roots:
            root.motors.add(self)
            root.heroes.update({hero_models.type_of(model): model for model in heroes})
        _leave_in_sessions(session_factory, self)
        if scheduler is not None:
            receives(self)

    def begin_anew(self) -> None:
        self._lock = threading.RLock()  # a thread that is not in the fork may hold the parent's

    # ---------------------------------------------------------------------------------------------- stores

    @property
    def stores(self) -> list[Any]:
        """The tables whose journeys it moves; made when they are first asked for."""
        return [self.store_of(root) for root in self.roots]

    def store_of(self, root: Root) -> MotorStore:
        """The store of a table, on the motor's own connections."""
        with self._lock:
            store = self._stores_of.get(root)
            if store is None:
                bind = self._bind_of(root)
                store = self._stores_of[root] = self._store_on(root, bind)
                if self is not root.fallback:
                    root.motors.add(self)  # again, after it was closed
            return store

    def _store_on(self, root: Root, bind: Engine | Connection) -> MotorStore:
        connections = self.connections_to(bind.engine)
        if isinstance(bind, Connection):
            return JoinedStore(self, root, connections, bind)
        return MotorStore(self, root, connections)

    def store_in(self, session: Session, root: Root) -> SessionStore:
        """The store of a table, in a session of the app's."""
        return SessionStore(self, root, session)

    def performing(self, root: Root, bind: Engine | Connection) -> MotorStore:
        """The store in which a journey is performed by hand that was found in a session with this bind."""
        if self._factory is None:
            self._factory = _factory_on(bind.engine)
        return self._store_on(root, bind) if isinstance(bind, Connection) else self.store_of(root)

    def within(self, connection: Any) -> CoreMotor:
        """The same motor on one connection, inside its transaction: for tests that are rolled back."""
        sync: Connection = getattr(connection, "sync_connection", connection)
        sibling = self.sibling()
        for root in self.roots:
            sibling.join(JoinedStore(self, root, self.connections_to(sync.engine), sync))
        return sibling

    def connections_to(self, engine: Engine) -> Connections:
        """The motor's connections to the database of this engine of the app's."""
        with self._lock:
            if engine not in self._connections:
                self._connections[engine] = Connections(engine, self._async_connections, self._loop_trouble)
            return self._connections[engine]

    @property
    def session_factory(self) -> Callable[[], Any]:
        assert self._factory is not None
        return self._factory.session_factory if isinstance(self._factory, scoped_session) else self._factory

    def _bind_of(self, root: Root) -> Engine | Connection:
        with self.context():
            made = self.session_factory()
            session: Session = getattr(made, "sync_session", made)
            return session.get_bind(**root.written)

    def _loop_trouble(self, error: BaseException) -> None:
        self.events.tell(Event(name="trouble", detail="a task of a step's own ended the event loop", error=error))

    # -------------------------------------------------------------------------------------------- settings

    @property
    def settings(self) -> Settings:
        """The settings; on SQLite, which has one writer, `concurrency` is 1 unless it was given."""
        if self._has_concurrency or self._factory is None or not hasattr(self, "roots"):
            return self._given_settings
        with self._lock:
            self._has_concurrency = True
            if self._bind_of(self.roots[0]).dialect.name == "sqlite":
                self._given_settings = replace(self._given_settings, concurrency=1)
            return self._given_settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self._given_settings = settings

    # ---------------------------------------------------------------------------------------------- performing

    def attempt_next_step(self, journey: Any, fence: str | None = None) -> Outcome | None:
        try:
            return super().attempt_next_step(journey, fence)
        finally:
            self.leave()

    def attempt_in(self, store: Any, id: Any, fence: str | None = None, **options: Any) -> Outcome | None:
        try:
            return super().attempt_in(store, id, fence, **options)
        finally:
            self.leave()

    def leave(self) -> None:
        """A thread of the app's keeps no connection of the motor's."""
        for connections in tuple(self._connections.values()):
            connections.give_back()

    async def perform_awaited(self, journey: Any, fence: str | None = None) -> Outcome | None:
        """Same as `perform_next_step`, except that it is awaited and the step runs in a thread."""
        perform = partial(self.perform_next_step, journey, fence)
        if journey._store.in_test():
            return await greenlet_spawn(perform)
        return await in_a_thread(perform)

    def run_hook(self, store: Any, journey: Any, state: State) -> None:
        """As the motor does; after a commit of the app's, on a fresh object and the motor's own connections.

        In an event loop another thread calls the hook: the commit ends after it, and the loop goes on meanwhile.
        """
        if HOOK_OF.get(state) not in journey.definition.has_hooks:
            return
        if not isinstance(store, SessionStore):
            return super().run_hook(store, journey, state)
        apart = partial(self._run_hook_apart, store.performing(), journey._id, state)
        if in_event_loop() and not store.in_test():
            wait_in_greenlet(asyncio.to_thread(apart))
        else:
            apart()
        return None

    def _run_hook_apart(self, store: Any, id: Any, state: State) -> None:
        found = store.load([id]).get(id)
        if found is not None:
            super().run_hook(store, found, state)
        if not store.in_test():
            store.close()

    # ------------------------------------------------------------------------------------------------ working

    def worker(
        self, *, concurrency: int | None = None, async_concurrency: int | None = None, dispatch_only: bool = False
    ) -> Worker:
        """A worker for all journeys of this motor: `motor.worker().run()` works until another thread calls `stop()`.

        Args:
            dispatch_only: perform nothing: keep the house, and hand tickets to the queue.
        """
        return _Worker(self, concurrency=concurrency, async_concurrency=async_concurrency, dispatch_only=dispatch_only)

    @contextmanager
    def working(self, **options: Any) -> Iterator[Worker]:
        """Within the block a worker runs in a thread of this process; at its end it stops gracefully."""
        worker = self.worker(**options)
        thread = started(worker.run, "worker")
        try:
            with self.listening(worker):
                yield worker
        finally:
            worker.stop()
            thread.join()

    @asynccontextmanager
    async def aworking(self, **options: Any) -> AsyncIterator[Worker]:
        """Same as `working`, except that it is for `async with`, as in the lifespan of an ASGI app."""
        working = self.working(**options)
        worker = await asyncio.to_thread(working.__enter__)
        try:
            yield worker
        finally:
            await asyncio.to_thread(working.__exit__, None, None, None)

    def close(self) -> None:
        """Close the motor's connections and end its threads. It may be used again."""
        for root in self.roots:
            root.motors.discard(self)
        self.announcer.stop()
        for connections in self._connections.values():
            connections.end()
        self._connections.clear()
        self._stores_of.clear()

    # ------------------------------------------------------------------------------------------- the commands

    def motor(self, types: Sequence[str] | None) -> CoreMotor:
        """The motor; with `types`, one that knows these alone.

        Raises:
            DefinitionError: one of them is not known.
        """
        if not types:
            return self
        narrowed, wanted = self.sibling(), set(types)
        for root in self.roots:
            here = wanted & set(root.journeys.types)
            wanted -= here
            if here:
                store = MotorStore(self, root, self.connections_to(self._bind_of(root).engine))
                store.registry = root.journeys.only(here)
                narrowed.join(store)
        if wanted:
            names = ", ".join(name for root in self.roots for name in root.journeys.types)
            raise DefinitionError(f"there is no journey type {sorted(wanted)[0]!r}; there are {names or 'none'}")
        return narrowed

    @contextmanager
    def listening(self, worker: Worker) -> Iterator[None]:
        """Within the block the worker is woken by commits elsewhere, where the database can."""
        listeners = [Listener(connections, worker.wake) for connections in self._connections.values()]
        for listener in listeners:
            listener.start()
        try:
            yield
        finally:
            for listener in listeners:
                listener.stop()


class _Worker(Worker):
    """Leaves no connection to a thread of the app's."""

    motor: Motor

    def run(self, *, once: bool = False) -> None:
        try:
            super().run(once=once)
        finally:
            self.motor.leave()


def _roots(journeys: Any) -> list[Root]:
    given = list(journeys) if isinstance(journeys, list | tuple | set | frozenset) else [journeys]
    found = [root_of(each) for each in given]
    if not found or None in found:
        raise DefinitionError(
            f"journeys= must be the class that mixes in JourneyMixin, or a list of such classes, got {journeys!r}"
        )
    return list(dict.fromkeys(root for root in found if root is not None))


def _leave_in_sessions(factory: Any, motor: Motor) -> None:
    """Sessions of this factory know their motor."""
    maker = factory.session_factory if isinstance(factory, scoped_session) else factory
    if isinstance(maker, sessionmaker | async_sessionmaker):
        maker.configure(info={**(maker.kw.get("info") or {}), MOTOR: motor})


def _factory_on(engine: Engine) -> Callable[[], Any]:
    return async_sessionmaker(AsyncEngine(engine)) if engine.dialect.is_async else sessionmaker(engine)
