"""Transactions in memory: what one thread writes, others see after its outermost block has committed, or never.

A row that is written is locked until then, and so is the place of a hero that is taken or left. Reads lock nothing and
see what is committed, and what their own transaction has written. A coroutine that a worker awaits has transactions of
its own, as a thread has.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import count
from time import monotonic
from types import MappingProxyType, TracebackType

from stepper_motor.journeys.row import Entry
from stepper_motor.testing.memory.stored import Place, StoredJourney

PATIENCE = 50.0
"""Seconds for which a lock is waited for that nobody limits."""

logger = logging.getLogger("stepper_motor")


class Busy(Exception):
    """A deadlock, or a lock that was not free in time: rolled back, and worth another attempt."""


class Disconnected(Exception):
    """The connection was lost: what was not committed is gone."""


class PlaceTaken(Exception):
    """The hero is on another ongoing journey of this class and key."""


@dataclass(slots=True)
class _Block:
    """What was written in one transaction block, and what is to be called if all of it is committed."""

    rows: dict[int, StoredJourney | None] = field(default_factory=dict)
    """None: it was deleted."""
    entries: list[tuple[int, Entry]] = field(default_factory=list)
    callbacks: list[Callable[[], object]] = field(default_factory=list)

    def take_in(self, inner: _Block) -> None:
        self.rows |= inner.rows
        self.entries += inner.entries
        self.callbacks += inner.callbacks


@dataclass(slots=True, eq=False)
class _Transaction:
    """What one thread, or one coroutine, has open."""

    blocks: list[_Block] = field(default_factory=list)
    locks: set[Hashable] = field(default_factory=set)
    is_lost: bool = False


_open: ContextVar[Mapping[object, _Transaction]] = ContextVar("stepper_motor_memory", default=MappingProxyType({}))
"""By database. Always replaced, never changed: a coroutine inherits what stands here, and not what is to come."""


class MemoryDatabase:
    """One table of journeys and its history."""

    def __init__(self) -> None:
        self._rows: dict[int, StoredJourney] = {}
        self._history: dict[int, list[Entry]] = {}
        self._places: dict[Place, int] = {}
        self._ids = count(1)
        self._changed = threading.Condition()
        """Guards everything here; notified whenever locks are released."""
        self._owners: dict[Hashable, _Transaction] = {}
        self._waits_for: dict[_Transaction, _Transaction] = {}

    def next_id(self) -> int:
        """A key that no journey had before; rolled back, it is lost."""
        return next(self._ids)

    # ---------------------------------------------------------------------------------------------- reading

    def get(self, id: int) -> StoredJourney | None:
        for block in reversed(self._blocks()):
            if id in block.rows:
                return block.rows[id]
        return self._rows.get(id)

    def all(self) -> list[StoredJourney]:
        """In no particular order."""
        blocks = self._blocks()
        with self._changed:
            rows: dict[int, StoredJourney | None] = {**self._rows} if blocks else {}
            if not blocks:
                return list(self._rows.values())
        for block in blocks:
            rows |= block.rows
        return [row for row in rows.values() if row is not None]

    def history(self, id: int) -> list[Entry]:
        """The oldest first."""
        with self._changed:
            told = list(self._history.get(id, ()))
        return told + [entry for block in self._blocks() for about, entry in block.entries if about == id]

    # ---------------------------------------------------------------------------------------------- writing

    def lock(self, key: Hashable, patience: float = PATIENCE) -> bool:
        """Keep others from writing until this transaction ends; False: with no patience, others have it.

        Raises:
            Busy: it was not free within `patience` seconds, or its owner waits for this transaction.
        """
        mine = self._transaction()
        assert mine is not None, "a lock belongs to a transaction"
        ends = monotonic() + patience
        with self._changed:
            while (owner := self._owners.setdefault(key, mine)) is not mine:
                if patience <= 0:
                    return False
                self._wait_for(owner, mine, ends)
            mine.locks.add(key)
        return True

    def _wait_for(self, owner: _Transaction, mine: _Transaction, ends: float) -> None:
        if mine in self._line_behind(owner):
            raise Busy("deadlock: the transaction that has the lock waits for this one")
        if monotonic() >= ends:
            raise Busy("the lock was not free in time")
        self._waits_for[mine] = owner
        try:
            self._changed.wait(max(ends - monotonic(), 0.0))
        finally:
            del self._waits_for[mine]

    def _line_behind(self, owner: _Transaction) -> Iterator[_Transaction]:
        """Whom that transaction waits for, and whom that one waits for."""
        other: _Transaction | None = owner
        while other is not None:
            yield other
            other = self._waits_for.get(other)

    def put(self, row: StoredJourney) -> None:
        """Insert or replace a row, in this thread's transaction.

        Raises:
            PlaceTaken: another journey has the place it would take.
            ValueError: it is what no constraint lets pass.
        """
        before = self.get(row.id)
        self._take(row.checked(), before.place if before else None)
        self._blocks()[-1].rows[row.id] = row

    def _take(self, row: StoredJourney, left: Place | None) -> None:
        taken = row.place
        if taken == left:
            return
        for place in sorted({place for place in (taken, left) if place}):
            self.lock(place)
        if taken and any(other.place == taken for other in self._perhaps_at(taken) if other.id != row.id):
            raise PlaceTaken(f"{row.hero_type} {row.hero_id} is on another {row.type}")

    def _perhaps_at(self, place: Place) -> Iterator[StoredJourney]:
        ids = {id for block in self._blocks() for id in block.rows}
        if place in self._places:
            ids.add(self._places[place])
        yield from filter(None, map(self.get, ids))

    def remove(self, id: int) -> None:
        """Delete a row and its history, in this thread's transaction."""
        self._blocks()[-1].rows[id] = None

    def tell(self, id: int, entry: Entry) -> None:
        """Add to the history, in this thread's transaction."""
        self._blocks()[-1].entries.append((id, entry))

    # ----------------------------------------------------------------------------------------- transactions

    def transaction(self) -> Block:
        """A transaction, or a block within the one that this thread has open."""
        return Block(self)

    @property
    def depth(self) -> int:
        """How many blocks this thread has open."""
        return len(self._blocks())

    def on_commit(self, callback: Callable[[], object]) -> None:
        """Call after this thread's outermost block has committed; at once if there is none."""
        blocks = self._blocks()
        if blocks:
            blocks[-1].callbacks.append(callback)
        else:
            _call(callback)

    def leave_blocks(self, depth: int, *, commit: bool) -> None:
        """Leave the blocks that nobody has left, down to that depth."""
        transaction = self._transaction()
        while transaction and len(transaction.blocks) > depth:
            self._leave(transaction, commit=commit)

    def disconnect(self) -> None:
        """Lose the connection of this thread: what its transaction has written can't be committed any more."""
        transaction = self._transaction()
        if transaction:
            transaction.is_lost = True

    def _enter(self) -> _Block:
        transaction = self._transaction()
        if transaction is None:
            transaction = _Transaction()
            _open.set({**_open.get(), self: transaction})
        transaction.blocks.append(_Block())
        return transaction.blocks[-1]

    def _exit(self, block: _Block, *, commit: bool) -> None:
        """Leave that block, and those within it that nobody has left."""
        transaction = self._transaction()
        places = [place for place, each in enumerate(self._blocks()) if each is block]
        if transaction and places:  # else it was left already, by `leave_blocks`
            self.leave_blocks(places[0], commit=commit)

    def _leave(self, transaction: _Transaction, *, commit: bool) -> None:
        block = transaction.blocks.pop()
        if transaction.blocks:
            if commit:
                transaction.blocks[-1].take_in(block)
            return
        _open.set({database: each for database, each in _open.get().items() if database is not self})
        with self._changed:
            try:
                if commit:
                    self._commit(transaction, block)
            finally:
                self._release(transaction)
        if commit:
            for callback in block.callbacks:
                _call(callback)

    def _commit(self, transaction: _Transaction, block: _Block) -> None:
        if transaction.is_lost:
            raise Disconnected("the connection was lost before the commit")
        for id in block.rows:
            before = self._rows.pop(id, None)
            if before and before.place:
                del self._places[before.place]
        for id, row in block.rows.items():
            if row is None:
                self._history.pop(id, None)
                continue
            self._rows[id] = row
            if row.place:
                self._places[row.place] = id
        for id, entry in block.entries:
            self._history.setdefault(id, []).append(entry)

    def _release(self, transaction: _Transaction) -> None:
        for key in transaction.locks:
            del self._owners[key]
        self._changed.notify_all()

    def _transaction(self) -> _Transaction | None:
        transaction = _open.get().get(self)
        # A coroutine may have inherited one that was ended where it came from.
        return transaction if transaction and transaction.blocks else None

    def _blocks(self) -> list[_Block]:
        transaction = self._transaction()
        return transaction.blocks if transaction else []


class Block:
    """A transaction block: committed at its end, rolled back when anything was raised in it."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    def __enter__(self) -> None:
        self._block = self._database._enter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._database._exit(self._block, commit=error is None)


def _call(callback: Callable[[], object]) -> None:
    """What it raises comes too late to undo anything."""
    try:
        callback()
    except Exception:
        logger.exception("a callback after a commit raised")
