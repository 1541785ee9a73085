"""What the motor asks of the home of a row. One exported suite proves every adapter."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeVar

from stepper_motor.journeys.journey import JourneyBase
from stepper_motor.journeys.lifecycle import Ending
from stepper_motor.journeys.row import Entry, Row, State, Transition
from stepper_motor.motor.registry import Registry

if TYPE_CHECKING:  # asyncio is slow to import, and who only defines journeys needs none
    from stepper_motor.motor.loop import LoopThread

T = TypeVar("T")
JourneyId = Any
"""A primary key, as the home's objects carry it."""


class NamesOfTable(Protocol):
    """What a table of journeys is called."""

    @property
    def full_name(self) -> str:
        """With its schema, where it says one: `shop.journeys`."""


class NoSuchRow(LookupError):
    """The journey's row is gone."""


class Claim(NamedTuple):
    """A row that a performer has just taken."""

    id: JourneyId
    due: datetime
    now: datetime
    """The database's time when it was taken."""


class Ready(NamedTuple):
    """A row that is ready: what a queue may be told of."""

    id: JourneyId
    fence: str
    due: datetime
    type: str
    step: str | None


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
    own_after: Sequence[Any] | None = None
    """The app's own columns as they stood after this was written, where the database told them along: for
    `load_again`."""
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


class Before(NamedTuple):
    """What is known of a row that was just settled and claimed anew."""

    journey: Any
    """The object that the step before was performed on."""
    row: Row
    own: Sequence[Any] | None = None
    """`Settlement.own_after`"""


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


class Record(NamedTuple):
    """A journey as it stands in its table, whether or not this code knows its class."""

    id: JourneyId
    type: str
    hero_type: str | None
    """The hero's table."""
    hero_id: str | None
    key: str
    data: str
    """JSON."""
    created_at: datetime
    row: Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which journeys somebody asks to see, and in which order. What is None narrows nothing."""

    id: JourneyId | None = None
    type: str | None = None
    state: State | None = None
    step: str | None = None
    """The next step, under this name or a former one."""
    hero_type: str | None = None
    hero_id: str | None = None
    overdue: bool = False
    """Only what is ready and has been due."""
    soonest_first: bool = False
    """The ongoing ones that have a due time, by it; otherwise the newest come first."""


class Store(Protocol):
    """Asks and writes the rows of one table. Every write is conditional on what it leaves."""

    registry: Registry

    # -- what a worker does
    def claim_due(self, limit: int, holder: str, not_before: datetime | None = None, kind: Kind = "any") -> list[Claim]:
        """Take the longest due rows that this process can perform, at most `limit`, none that others have locked.

        `kind` narrows them to those whose next step is sync, or async. `not_before` is a bound for the due time: it
        keeps a claim from wading through what lies dead at the front of the index.
        """

    def claim_at_once(self, id: JourneyId, fence: str, holder: str) -> tuple[Claim, JourneyBase[Any] | None] | None:
        """Take this row if it is ready, due, has this fence and is one that this process can perform, and if nobody has
        locked it. None says nothing of why.

        With the claim comes the object, as `load` gives it, where it could be read along; None where it could not.
        """

    def claim(self, id: JourneyId, fence: str | None, holder: str) -> Claim | None:
        """Take this row if it is ready, due, and (where a fence is given) still has that fence."""

    def claimed_by(self, holder: str) -> list[Claim]:
        """The rows that this performer holds, for when the answer of a claim was lost."""

    def load(self, ids: Sequence[JourneyId]) -> dict[JourneyId, JourneyBase[Any]]:
        """Fresh objects of those rows that still exist, with their heroes."""

    def load_again(self, before: Mapping[JourneyId, Before]) -> dict[JourneyId, JourneyBase[Any]]:
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

    def hand_back(self, holdings: Sequence[Holding], holder: str, *, patience: float = 0.0) -> dict[JourneyId, Row]:
        """Claimed and not begun: ready again, under a new fence. A row that was paused or canceled meanwhile stays so.

        What others have locked is passed over; with `patience`, waited for so many seconds.

        Returns:
            The rows that these still held, as they became.

        Raises:
            Exception: a transient one, where the patience was not enough.
        """

    def next_due(self) -> tuple[datetime, datetime] | None:
        """When the next row that this process can perform is due, and the database's time; None: there is none, or none
        soon: what is due later than a worker sleeps need not be found."""

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

    # -- for people who look
    def id_of(self, text: str) -> JourneyId | None:
        """The primary key that a text stands for; None: no journey of this table has such a key."""

    def find(self, wanted: Wanted, limit: int) -> list[Record]:
        """The journeys that are wanted, of whatever type, in their order."""

    def entries(self, id: JourneyId, limit: int) -> list[Entry]:
        """The last entries of a journey's history, the oldest first."""

    # -- for a queue
    @property
    def table(self) -> NamesOfTable: ...

    def hand_over(self, horizon: timedelta | None, limit: int) -> list[Ready]:
        """Ready rows for which a queue is to be given a ticket, the longest due first, at most `limit`.

        They are those that came within the horizon since they became ready, and those overdue by a minute. Each is
        marked, so that nobody hands it over again before a time that doubles with each ticket, up to an hour.
        """

    def hand_over_again(self, id: JourneyId, fence: str) -> Ready | None:
        """A ticket came early: the row, marked, if it may be handed over again by the same rule, and is not locked."""

    def take_back(self, missed: Sequence[Ready]) -> None:
        """The queue could not be reached for these, which were marked: they may be handed over again in a minute,
        however often they were in vain."""

    def forget_tickets(self) -> int:
        """Delete marks that are of no use any more; returns how many."""

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

    def when_committed(self, callback: Callable[[], object]) -> None:
        """Same as `on_commit`, for what may wait for others: as far as that can be, no connection to the database is
        kept from others meanwhile, and no event loop stands still."""

    def may_retry(self) -> bool:
        """Whether a write that the database undid may be sent again: not if it is a part of something else."""

    def performing(self) -> Store:
        """The store in which a journey of this one is performed by hand."""

    def block_depth(self, mark: Any) -> int:
        """How many transaction blocks the app's code has open since `mark`, and before it."""

    def holds_connection(self, mark: Any) -> bool:
        """Whether the app's code has, since `mark`, a connection in use of which there are only so many."""

    def in_test(self) -> bool:
        """Whether this thread is inside the transaction of a test, which no other connection can see into."""

    def notify(self) -> None:
        """Wake workers in other processes, where the database can."""

    def awaited(self, awaitable: Awaitable[Any]) -> Coroutine[Any, Any, Any]:
        """The awaitable of a step, as the worker's event loop should run it."""

    def call_here(self, function: Callable[[], T]) -> T:
        """Call, in this thread, what calls the app's code."""

    def mark(self, journey: JourneyBase[Any]) -> Any:
        """The app's code of this journey is about to run: what is open before it does, for `tidy` and `leave`."""

    def tidy(self, mark: Any, *, commit: bool) -> None:
        """End whatever transaction the app's code left open on this thread's connections since `mark`.

        A connection that it ruined is rolled back, or closed.

        Raises:
            Exception: the commit failed. What was open is rolled back.
        """

    def leave(self, mark: Any) -> None:
        """All of the app's code has run: give back what was opened for it. Twice is as good as once."""

    def loop_for(self, worker: LoopThread) -> LoopThread:
        """The event loop on which async steps are awaited: the worker's, or one of the home's own."""

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
