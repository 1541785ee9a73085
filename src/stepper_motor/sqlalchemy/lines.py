"""Lines to the database: who runs a statement, on which connection, and what a transaction is there.

OwnLine        a connection of the motor's own for one thread: statements commit by themselves, transactions are
               begun by hand
SessionLine    the connection of the app's session: a transaction of the engine's is a savepoint in the app's
OpenLine       a connection on which somebody has a transaction open (an atomic step, a test): the same
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import lru_cache
from itertools import count
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, CursorResult, Engine
from sqlalchemy.orm import Session

from stepper_motor.journeys.errors import StepperMotorError
from stepper_motor.sqlalchemy.bridge import Bridge, in_greenlet

if TYPE_CHECKING:
    from stepper_motor.sqlalchemy.roots import Root

T = TypeVar("T")
BEGIN = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "BEGIN"}


class Line(ABC):
    """Runs statements. `%s` stands for a parameter, whatever the driver's form."""

    bridge: Bridge | None = None
    """Where the driver is awaited, if it is not where the caller is."""
    patience_before: int | None = None
    """How long the session waited for locks before the engine asked it to be patient (MySQL, in seconds)."""

    @property
    @abstractmethod
    def connection(self) -> Connection: ...

    @abstractmethod
    def transaction(self) -> AbstractContextManager[Any]: ...

    def execute(self, sql: str, params: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return self.run(lambda: _rows(self._sent(sql, params)))

    def write(self, sql: str, params: Sequence[object] = ()) -> int:
        return self.run(lambda: int(self._sent(sql, params).rowcount))

    def run(self, function: Callable[[], T]) -> T:
        """Call what waits for this line's driver."""
        return self.bridge.there(function) if self.bridge else function()

    def _sent(self, sql: str, params: Sequence[object]) -> CursorResult[Any]:
        connection = self.connection
        statement = placed(sql, connection.dialect.paramstyle)
        return connection.exec_driver_sql(statement, tuple(params)) if params else connection.exec_driver_sql(statement)


def _rows(result: CursorResult[Any]) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in result] if result.returns_rows else []


@lru_cache(maxsize=1024)
def placed(sql: str, paramstyle: str) -> str:
    """The statement with its parameters in the driver's form."""
    if paramstyle in ("format", "pyformat"):
        return sql
    parts = sql.split("%s")
    if paramstyle == "qmark":
        return "?".join(parts)
    numbers = count(1)
    return "".join(part if n == 0 else f"${next(numbers)}{part}" for n, part in enumerate(parts))


class OwnLine(Line):
    """A connection of the motor's own, for one thread."""

    def __init__(self, engine: Engine, bridge: Bridge | None) -> None:
        self.bridge = bridge
        self._used = threading.RLock()
        """Held for a statement, and for a transaction: whoever closes the motor must not come between."""
        self._engine = engine
        self._depth = 0
        self.opened_at = monotonic()
        self._connection = self.run(self._opened)

    def _opened(self) -> Connection:
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        if connection.dialect.name in ("mysql", "mariadb"):
            connection.exec_driver_sql("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
        if not connection.in_transaction():
            connection.begin()  # in name only; a session that reads on it then leaves the end of it to us
        return connection

    @property
    def connection(self) -> Connection:
        return self._connection

    @property
    def in_transaction(self) -> bool:
        return self._depth > 0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        name = f"stepper_motor_{self._depth}"
        begin, end, undo = (
            (f"SAVEPOINT {name}", f"RELEASE SAVEPOINT {name}", f"ROLLBACK TO SAVEPOINT {name}")
            if self._depth
            else (BEGIN.get(self._engine.dialect.name, "START TRANSACTION"), "COMMIT", "ROLLBACK")
        )
        with self._used:
            self.write(begin)
            self._depth += 1
            try:
                yield
                self.write(end)
            except BaseException:
                with suppress(Exception):  # the connection may be gone, and the first error says why
                    self.write(undo)
                raise
            finally:
                self._depth -= 1

    def run(self, function: Callable[[], T]) -> T:
        with self._used:
            return super().run(function)

    def is_alive(self) -> bool:
        """Ask the server."""
        try:
            return self.execute("SELECT 1") == [(1,)]
        except Exception:
            return False

    def give_back(self) -> None:
        """Leave the connection to the next thread that needs one."""
        with suppress(Exception):
            self.run(self._connection.close)

    def take_back(self, within: float) -> None:
        """Same as `give_back`, for the connection of another thread: one that is still used is left to that.

        Args:
            within: how long to wait for that thread, in seconds.
        """
        if self._used.acquire(timeout=within):
            try:
                self.give_back()
            finally:
                self._used.release()
        else:  # given back, it would stay open in a pool that nobody has any more: so it is closed then
            with suppress(Exception):
                self._connection.detach()

    def close(self, *, broken: bool = False) -> None:
        """Close the connection; one that is broken is not told."""
        with suppress(Exception):
            self.run(self._connection.invalidate if broken else self._connection.detach)
        self.give_back()


class OpenLine(Line):
    """A connection on which somebody else has a transaction open."""

    def __init__(self, connection: Connection, bridge: Bridge | None = None) -> None:
        self._connection = connection
        self.bridge = bridge
        self.after_commit: list[Callable[[], object]] = []
        """To be called when that transaction has committed."""

    @property
    def connection(self) -> Connection:
        return self._connection

    @contextmanager
    def transaction(self) -> Iterator[None]:
        savepoint = self.run(self._connection.begin_nested)
        try:
            yield
            self.run(savepoint.commit)
        except BaseException:
            with suppress(Exception):
                self.run(savepoint.rollback)
            raise


class SessionLine(Line):
    """The app's session, in the app's transaction."""

    def __init__(self, session: Session, root: Root) -> None:
        self._session = session
        self._root = root

    @property
    def connection(self) -> Connection:
        bind = self._session.get_bind(**self._root.written)
        if bind.dialect.is_async and not in_greenlet():
            raise StepperMotorError(
                "this session is an AsyncSession's: await what has an a before its name, such as journey.apause()"
            )
        return self._session.connection(bind_arguments={**self._root.written})

    @contextmanager
    def transaction(self) -> Iterator[None]:
        begin_for_real(self.connection, self._root.mapper)
        with self._session.begin_nested():
            yield


def begin_for_real(connection: Connection, mapper: Any) -> None:
    """Python's SQLite driver, left alone, begins a transaction only before a write: a savepoint alone would commit."""
    if connection.dialect.name == "sqlite":
        table = connection.dialect.identifier_preparer.format_table(mapper.local_table)
        connection.exec_driver_sql(f"UPDATE {table} SET fence = fence WHERE 1 = 0")
