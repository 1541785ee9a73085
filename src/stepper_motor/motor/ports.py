"""What the motor asks of the home of a row. One exported suite proves every adapter."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple, Protocol

from stepper_motor.journeys.journey import JourneyBase
from stepper_motor.journeys.lifecycle import Ending
from stepper_motor.journeys.row import Entry, Row, Transition
from stepper_motor.motor.registry import Registry

JourneyId = Any
"""A primary key, as the home's objects carry it."""


class NoSuchRow(LookupError):
    """The journey's row is gone."""


class Claim(NamedTuple):
    """A row that a performer has just taken."""

    id: JourneyId
    due: datetime
    now: datetime
    """The database's time when it was taken."""


class Expired(NamedTuple):
    """A row whose lease is over."""

    id: JourneyId
    type: str
    next_step_name: str | None
    fence: str
    lease_expires_at: datetime


@dataclass(frozen=True, slots=True)
class Holding:
    """What a performer believes to hold."""

    id: JourneyId
    fence: str


@dataclass(slots=True)
class Settlement:
    """The end of one performance, on its way to the database."""

    id: JourneyId
    row: Row
    """The row as it was when the step began. While it is held only its state, its reason and its end can change."""
    holder: str
    ending: Ending
    now: datetime
    new_fence: str
    data: str | None = None
    """The journey's `data` as JSON, if the step changed it."""
    own: Mapping[str, Any] = field(default_factory=dict)
    """The journey's own columns that the step changed, by attribute."""
    run_on_lease: datetime | None = None
    """If the following step is due at once, claim it in the same write, until then."""
    as_failure: Callable[[Exception], Settlement] | None = None
    """Makes of this settlement, which the database refuses, one that tells of the refusal."""

    @property
    def fence(self) -> str:
        return self.row.fence

    def turned_into_failure(self, error: Exception) -> bool:
        """Becomes the settlement that tells of the refusal; False: it is that already."""
        if self.as_failure is None:
            return False
        failure = self.as_failure(error)
        self.ending, self.now, self.new_fence = failure.ending, failure.now, failure.new_fence
        self.data, self.own, self.run_on_lease, self.as_failure = None, {}, None, None
        return True


Kind = Literal["any", "sync", "async"]
Decide = Callable[[Row, datetime], Transition]
"""(the row under its lock, the database's time) -> what becomes of it."""


class Settled(NamedTuple):
    """What a group of settlements came to."""

    done: dict[JourneyId, Transition | None]
    """None where the performer no longer held the row, or the row is gone."""
    locked: list[Settlement]
    """Not written: another transaction has the row."""


class Renewed(NamedTuple):
    """What a renewal of leases came to."""

    gone: set[JourneyId]
    """No longer held by the performer that asked."""
    locked: set[JourneyId]
    """Not renewed: another transaction has the row."""


class Store(Protocol):
    """Asks and writes the rows of one table. Every write is conditional on what it leaves."""

    registry: Registry

    # -- what a worker does
    def claim_due(self, limit: int, holder: str, not_before: datetime | None = None, kind: Kind = "any") -> list[Claim]:
        """Take the longest due rows that this process can perform, at most `limit`, none that others have locked.

        `kind` narrows them to those whose next step is sync, or async. `not_before` is a bound for the due time: it
        keeps a claim from wading through what lies dead at the front of the index.
        """

    def claim(self, id: JourneyId, fence: str | None, holder: str) -> Claim | None:
        """Take this row if it is ready, due, and (where a fence is given) still has that fence."""

    def claimed_by(self, holder: str) -> list[Claim]:
        """The rows that this performer holds, for when the answer of a claim was lost."""

    def load(self, ids: Sequence[JourneyId]) -> dict[JourneyId, JourneyBase[Any]]:
        """Fresh objects of those rows that still exist, with their heroes."""

    def load_again(self, before: Mapping[JourneyId, tuple[JourneyBase[Any], Row]]) -> dict[JourneyId, JourneyBase[Any]]:
        """Fresh objects for rows that were just settled and claimed anew: the engine's columns are known, the app's
        own are read again."""

    def settle(self, batch: Sequence[Settlement], *, patient: bool = False) -> Settled:
        """Write the ends of performances in one transaction, passing over rows that others have locked.

        With `patient` it waits for the lock (5 s at the most). A settlement that was written before (the answer of
        the commit was lost) is recognised and not written again.
        """

    def renew(self, holdings: Sequence[Holding], holder: str, lease: timedelta, *, patience: float = 0.0) -> Renewed:
        """Prolong the leases, passing over rows that others have locked; with `patience`, wait that long for the lock.

        Raises:
            Exception: a transient one, where the patience was not enough.
        """

    def hand_back(self, holdings: Sequence[Holding], holder: str) -> dict[JourneyId, Row]:
        """Claimed and not begun: ready again, under a new fence. A row that was paused or canceled meanwhile stays so.

        Returns:
            The rows that these still held, as they became.
        """

    def next_due(self) -> tuple[datetime, datetime] | None:
        """When the next row that this process can perform is due, and the database's time; None: there is none."""

    def now(self) -> datetime:
        """The database's time, or the clock's where it was set."""

    # -- housekeeping
    def expired(self, limit: int, after: JourneyId | None = None) -> list[Expired]:
        """Rows of known types whose lease is over, by id."""

    def ended(
        self, types: Iterable[str], before: datetime, limit: int, after: JourneyId | None = None
    ) -> list[JourneyId]:
        """Rows of these types that ended until then and that nobody holds, by id."""

    def delete_ended(self, ids: Sequence[JourneyId], before: datetime) -> int:
        """Delete those that are still so, and that nobody has locked, with their history; returns how many."""

    def positions(self) -> list[tuple[str, str | None, int]]:
        """(type, next step, how many) of all ongoing journeys, whatever their type."""

    # -- from outside
    def change(self, id: JourneyId, decide: Decide, *, wait: bool = True) -> Transition:
        """Lock the row, decide, write; in the caller's transaction where there is one.

        Raises:
            NoSuchRow: there is none; without `wait`, also if others have locked it.
        """

    def change_many(self, decisions: Mapping[JourneyId, Decide]) -> dict[JourneyId, Transition | Exception]:
        """The same for many rows, locked in the order of their ids. What one `decide` raises is that row's result."""

    def note(self, id: JourneyId, entry: Entry) -> None:
        """Add to the history alone."""

    # -- transactions and the app's own code
    def transaction(self) -> AbstractContextManager[None]: ...

    def atomic_step(self) -> AbstractContextManager[None]:
        """The transaction of an atomic step, at READ COMMITTED: its body's, its settlement's and its history's."""

    def in_transaction(self) -> bool:
        """Whether the caller is inside a transaction of its own (a test's does not count)."""

    def on_commit(self, callback: Callable[[], object]) -> None:
        """Call after the caller's outermost transaction committed; never if it was rolled back."""

    def block_depth(self) -> int:
        """How many transaction blocks are open on this thread's connection."""

    def in_test(self) -> bool:
        """Whether this thread is inside the transaction of a test, which no other connection can see into."""

    def notify(self) -> None:
        """Wake workers in other processes, where the database can."""

    def awaited(self, awaitable: Awaitable[Any]) -> Coroutine[Any, Any, Any]:
        """The awaitable of a step, as the worker's event loop should run it."""

    def mark(self) -> Any:
        """What is open on this thread's connection before the app's code runs there: for `tidy`."""

    def tidy(self, mark: Any, *, commit: bool) -> None:
        """End whatever transaction the app's code left open on this thread's connections since `mark`.

        A connection that it ruined is rolled back, or closed.

        Raises:
            Exception: the commit failed. What was open is rolled back.
        """

    def in_its_thread(self, function: Callable[[], Any]) -> Awaitable[Any]:
        """From a coroutine: run the app's sync code in the thread that its calls to the ORM go to."""

    def let_go(self) -> None:
        """Close this thread's connections if they are broken or too old."""

    def retire(self) -> None:
        """Close this thread's connection if it is too old. It is not asked anything."""

    def close(self) -> None:
        """Close this thread's connections: it is about to end."""

    def close_awaited(self) -> None:
        """Close the connections that awaited steps used: their event loop has ended."""

    def wait_here(self, awaitable: Awaitable[Any]) -> Any:
        """Run an awaitable to its end from this thread, with this thread's connection."""

    def is_transient(self, error: BaseException) -> bool:
        """A deadlock, a serialization failure, a busy database: rolled back, and worth another attempt."""

    def is_disconnect(self, error: BaseException) -> bool:
        """The connection is gone, or the server can't serve now; nobody knows whether the last commit arrived."""
