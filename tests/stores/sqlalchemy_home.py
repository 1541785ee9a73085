"""The SQLAlchemy home, sync and async, as the contract uses it."""

from __future__ import annotations

import asyncio
import threading
import warnings
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from decimal import Decimal
from types import new_class
from typing import Any, TypeVar

from sqlalchemy import JSON, Engine, Numeric, String, create_engine, delete, text
from sqlalchemy.exc import SAWarning
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker
from sqlalchemy.util import await_only

from stepper_motor.journeys.errors import InvalidState
from stepper_motor.journeys.journey import JourneyBase
from stepper_motor.journeys.outcomes import Outcome
from stepper_motor.motor.ports import JourneyId, Store
from stepper_motor.sqlalchemy import JourneyMixin, Motor, sqlite
from stepper_motor.testing.store_contract.table import walk
from tests import databases
from tests.sqlalchemy.app import ASYNC, SYNC, url
from tests.stores.playing import PlayingHome

T = TypeVar("T")
NAME = f"{databases.name()}_stores"
ENDING = {
    "postgresql": ("SELECT pg_backend_pid()", "SELECT pg_terminate_backend(:number)"),
    "mysql": ("SELECT CONNECTION_ID()", "KILL :number"),
}
"""Which session this is, and how the server ends it."""


class Base(DeclarativeBase): ...


class User(Base):
    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, User) and self.id == other.id

    def __hash__(self) -> int:
        return hash(self.id)


class Journey(JourneyMixin, Base): ...


class WithColumns(JourneyMixin, Base):
    __tablename__ = "journeys_with_columns"

    amount: Mapped[Decimal] = mapped_column(Numeric(12, 2), default=0)
    notes: Mapped[list[Any]] = mapped_column(JSON, default=list)


class SqlAlchemyHome(PlayingHome):
    """On a sync driver. `engine` may be used by the home itself; the app's own is made from the same address."""

    has_one_writer = databases.chosen() == "sqlite"

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._defined: list[Any] = []
        self._sessions = self._made_sessions()
        self._motor = Motor(self._sessions, journeys=[Journey, WithColumns])

    def _made_sessions(self) -> Any:
        self._app_engine: Any = create_engine(url(SYNC, NAME))
        sqlite.configure(self._app_engine)
        return sessionmaker(self._app_engine, expire_on_commit=False)

    @property
    def motor(self) -> Motor:
        return self._motor

    def define(self, name: str, members: Mapping[str, Any]) -> type[JourneyBase[Any]]:
        return self._defined_as(name, Journey, members)

    def _defined_as(self, name: str, base: Any, members: Mapping[str, Any]) -> Any:
        namespace = {**members, "__module__": __name__}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SAWarning)  # a class of this name, of another test, is there already
            cls: Any = new_class(name, (base,), exec_body=lambda body: body.update(namespace))
        self._defined.append(cls)
        return cls

    def store_of(self, cls: Any) -> Store:
        return self._motor.store_of(cls._root)

    def start(self, cls: Any, hero: Any = None, **options: Any) -> JourneyId:
        return self.in_session(lambda session: cls.start(session, hero, **options).id)

    def hero(self) -> Any:
        with Session(self._engine, expire_on_commit=False) as session, session.begin():
            user = User(name="Ada")
            session.add(user)
        return user

    def delete_hero(self, hero: Any) -> None:
        with self._engine.begin() as connection:
            connection.execute(delete(User).where(User.id == hero.id))

    def with_columns(self) -> tuple[type[JourneyBase[Any]], Mapping[str, Any]]:
        values = {"amount": Decimal("12.50"), "notes": ["a", {"b": None}]}
        return self._defined_as("Columned", WithColumns, walk()), values

    def leave_open(self, journey: Any) -> JourneyId:
        started = type(journey).start(journey.session)
        return started.id

    def break_connection(self, store: Any) -> None:
        connection = store.session.connection()
        if connection.dialect.name == "sqlite":
            return self._close(connection.connection.driver_connection)
        asks, ends = ENDING[connection.dialect.name]
        number = connection.scalar(text(asks))
        with self._engine.connect() as another:
            another.execute(text(ends), {"number": number})
        return None

    def _close(self, connection: Any) -> None:
        connection.close()

    def in_app_transaction(self, store: Any, function: Callable[[Store], T]) -> T:
        return self.in_session(lambda session: function(self._motor.store_in(session, store.root)))

    def in_session(self, function: Callable[[Session], T]) -> T:
        """What `function` gives in a session of the app's, which is committed at the end."""
        with self._sessions.begin() as session:
            return function(session)

    def perform(self, store: Any, id: JourneyId) -> Outcome | None:
        with self._sessions() as session:
            journey = session.get(store.root.cls, id)
            session.commit()
            return journey.perform_next_step()

    def intervene(self, store: Any, id: JourneyId, verb: str, **told: Any) -> Outcome:
        def call(session: Session) -> Outcome | InvalidState:
            try:
                return getattr(session.get(store.root.cls, id), verb)(**told)
            except InvalidState as error:  # it may have recovered a lost performance before: that is committed
                return error

        outcome = self.in_session(call)
        if isinstance(outcome, InvalidState):
            raise outcome
        return outcome

    def explain(self, store: Any, id: JourneyId) -> str:
        return self.in_session(lambda session: str(session.get(store.root.cls, id).explain()))

    def clear(self) -> None:
        """Leave no row behind, no class that a test has defined, and no connection."""
        for cls in self._defined:
            cls._root.journeys.remove(cls)
        self._motor.close()
        self._end()
        with self._engine.begin() as connection:
            for table in reversed(Base.metadata.sorted_tables):
                connection.execute(table.delete())

    def _end(self) -> None:
        self._app_engine.dispose()


class AsyncSqlAlchemyHome(SqlAlchemyHome):
    """The same on an async driver, with an event loop of the app's in a thread of its own."""

    def _made_sessions(self) -> Any:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._app_engine: AsyncEngine = create_async_engine(url(ASYNC, NAME))
        sqlite.configure(self._app_engine)
        return async_sessionmaker(self._app_engine, expire_on_commit=False)

    def _close(self, connection: Any) -> None:
        await_only(connection._execute(connection._conn.close))

    def in_session(self, function: Callable[[Session], T]) -> T:
        async def whole() -> T:
            async with self._sessions.begin() as session:
                return await session.run_sync(function)

        return self._await(whole())

    def perform(self, store: Any, id: JourneyId) -> Outcome | None:
        async def whole() -> Outcome | None:
            async with self._sessions() as session:
                journey = await session.get(store.root.cls, id)
                await session.commit()
                return await journey.aperform_next_step()

        return self._await(whole())

    def _await(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def _end(self) -> None:
        self._await(self._app_engine.dispose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        with suppress(RuntimeError):
            self._loop.close()
