"""The store of a table in memory: all that `motor/ports.py` asks of one, in plain Python."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from stepper_motor.journeys import lifecycle
from stepper_motor.journeys.durations import given_time
from stepper_motor.journeys.errors import AlreadyOnJourney
from stepper_motor.journeys.journey import JourneyBase
from stepper_motor.journeys.outcomes import Interruption
from stepper_motor.journeys.row import Destination, Entry, Onward, Row, State, TheEnd, Transition
from stepper_motor.motor import clock
from stepper_motor.motor.destinations import arriving
from stepper_motor.motor.fences import new_fence
from stepper_motor.motor.loop import LoopThread
from stepper_motor.motor.motor import ready_of
from stepper_motor.motor.ports import Before, Decide, NoSuchRow
from stepper_motor.motor.settings import Settings
from stepper_motor.testing.memory.database import PATIENCE, Busy, Disconnected, PlaceTaken
from stepper_motor.testing.memory.journey import MemoryJourney
from stepper_motor.testing.memory.listing import MemoryListing
from stepper_motor.testing.memory.stored import StoredJourney
from stepper_motor.testing.memory.tickets import MemoryTickets

if TYPE_CHECKING:
    from stepper_motor.testing.memory.motor import MemoryMotor

T = TypeVar("T")


class MemoryStore(MemoryListing, MemoryTickets):
    """Keeps the journeys of one `MemoryMotor`, and the objects that are their heroes."""

    def __init__(self, motor: MemoryMotor, settings: Settings) -> None:
        super().__init__(settings)
        self.motor = motor

    # --------------------------------------------------------------------------------------------- starting

    def start(
        self, cls: Any, hero: Any, on_conflict: str, *, data: Any, key: str, at: datetime | None,
        allow_multiple: bool, **own: Any,
    ) -> Any:  # fmt: skip
        """Insert a journey, in the caller's transaction: see `MemoryJourney.start`."""
        unknown = own.keys() - cls.columns.keys()
        if unknown:
            raise TypeError(f"{cls.__name__} has no column {sorted(unknown)[0]!r}; it has {', '.join(cls.columns)}")
        hero_type, hero_id = (None, None) if hero is None else self.heroes.hold(hero)
        now = clock.now()
        blank = lifecycle.depart(TheEnd(), now, new_fence())
        stored = StoredJourney(
            self.database.next_id(), cls.definition.type_name, hero_type, hero_id, key, allow_multiple, now, blank,
            json.dumps(data, allow_nan=False), copy.deepcopy({**cls.columns, **own}),
        )  # fmt: skip
        departing = stored._replace(row=lifecycle.depart(self._first(cls, stored, at), now, blank.fence))
        with self.transaction():
            found = self._in_the_way(departing)
            if found is not None and on_conflict != "replace":
                return self._conflict(found, on_conflict)
            if found is not None:
                found.cancel("replaced by another journey")
            self.database.put(departing)
        journey = cls._of(departing, self)
        self._announce(journey)
        return journey

    def _first(self, cls: Any, stored: StoredJourney, at: datetime | None) -> Destination:
        step, now = cls.steps.first, stored.created_at
        if step is None:
            return TheEnd()
        if at is not None:
            return Onward(step.name, max(given_time(at), now))
        return arriving(cls._of(stored, self), step, since=now, now=now)

    def _in_the_way(self, departing: StoredJourney) -> Any:
        """The journey that has the place; nobody else takes or leaves it until this transaction ends."""
        place = departing.place
        if place is None:
            return None
        self.database.lock(place)
        found = next((stored for stored in self.database.all() if stored.place == place), None)
        return found and self._object(found)

    def _conflict(self, found: Any, on_conflict: str) -> Any:
        if on_conflict == "raise":
            named = f" with the key {found.key!r}" if found.key else ""
            raise AlreadyOnJourney(
                f"{found._hero_text} is on a {type(found).__name__}{named} already: pass on_conflict=, another key=, "
                f"or allow_multiple=True"
            )
        return found if on_conflict == "existing" else None

    def _announce(self, journey: Any) -> None:
        if journey.state is State.READY:
            self.motor.announce(self, [ready_of(journey)])
        else:
            self.on_commit(lambda: self.motor.run_hook(self, journey, journey.state))

    def save(self, journey: MemoryJourney[Any], held_by: tuple[str, str] | None) -> bool:
        """Write `data` and the own columns; False: the row is gone, or not held by that (fence, performer)."""
        with self.transaction():
            self.database.lock(journey._id)
            stored = self.database.get(journey._id)
            if stored is None or held_by not in (None, (stored.row.fence, stored.row.performed_by)):
                return False
            data = json.dumps(journey.data, allow_nan=False)
            self.database.put(stored._replace(data=data, own=copy.deepcopy(journey._own())))
        return True

    def delete(self, id: int) -> None:
        """Delete a journey and its history."""
        with self.transaction():
            self.database.lock(id)
            self.database.remove(id)

    # ---------------------------------------------------------------------------------------------- objects

    def load(self, ids: Sequence[int]) -> dict[int, Any]:
        return {stored.id: self._object(stored) for stored in map(self.database.get, ids) if stored}

    def load_again(self, before: Mapping[int, Before]) -> dict[int, Any]:
        found = {stored.id: stored for stored in map(self.database.get, before) if stored}
        return {id: self._object(stored._replace(row=before[id].row)) for id, stored in found.items()}

    def _object(self, stored: StoredJourney) -> Any:
        """Of its own class; a plain journey, if no class has its type."""
        cls: Any = self.registry.find(stored.type) or MemoryJourney
        return cls._of(stored, self)

    # ----------------------------------------------------------------------------------------- from outside

    def change(self, id: int, decide: Decide, *, wait: bool = True) -> Transition:
        result = self._change({id: decide}, wait=wait)[id]
        if isinstance(result, Exception):
            raise result
        return result

    def change_many(self, decisions: Mapping[int, Decide]) -> dict[int, Transition | Exception]:
        return self._change(decisions, wait=True)

    def _change(self, decisions: Mapping[int, Decide], *, wait: bool) -> dict[int, Transition | Exception]:
        results: dict[int, Transition | Exception] = {}
        with self.transaction():
            rows, now = self.locked(decisions, PATIENCE if wait else 0.0), self.now()
            for id, decide in decisions.items():
                try:
                    results[id] = self._decided(id, rows, decide, now)
                except Exception as error:  # one that can't be decided does not fail the others
                    results[id] = error
            try:
                self.write({id: t for id, t in results.items() if isinstance(t, Transition)})
            except PlaceTaken as error:
                raise AlreadyOnJourney("the hero is on another journey of this class and key") from error
        return results

    def _decided(self, id: int, rows: Mapping[int, Row], decide: Decide, now: datetime) -> Transition:
        if id not in rows:
            raise NoSuchRow(f"there is no journey {id!r} any more")
        return decide(rows[id], now)

    def note(self, id: int, entry: Entry) -> None:
        with self.transaction():
            self.tell(id, entry)

    # -------------------------------------------------------------------- transactions and the app's own code

    def atomic_step(self) -> AbstractContextManager[None]:
        return self.database.transaction()

    def in_transaction(self) -> bool:
        return self.database.depth > 0

    def in_test(self) -> bool:
        return False

    def may_retry(self) -> bool:
        return not self.in_transaction()

    def performing(self) -> MemoryStore:
        return self

    def block_depth(self, mark: int) -> int:
        return self.database.depth

    def holds_connection(self, mark: int) -> bool:
        return False

    def on_commit(self, callback: Callable[[], object]) -> None:
        self.database.on_commit(callback)

    def when_committed(self, callback: Callable[[], object]) -> None:
        self.on_commit(callback)

    def notify(self) -> None:
        """There is no other process."""

    def call_here(self, function: Callable[[], T]) -> T:
        return function()

    def mark(self, journey: JourneyBase[Any]) -> int:
        return self.database.depth

    def tidy(self, mark: int, *, commit: bool) -> None:
        self.database.leave_blocks(mark, commit=commit)

    def leave(self, mark: int) -> None:
        """Nothing was opened for the app's code."""

    async def awaited(self, awaitable: Awaitable[Any]) -> Any:
        depth = self.database.depth
        try:
            result = await awaitable
        except BaseException as error:
            self.tidy(depth, commit=isinstance(error, Interruption))
            raise
        self.tidy(depth, commit=True)
        return result

    def loop_for(self, worker: LoopThread) -> LoopThread:
        return worker

    def wait_here(self, awaitable: Awaitable[Any]) -> Any:
        return asyncio.run(self.awaited(awaitable))

    def in_its_thread(self, function: Callable[[], Any]) -> Coroutine[Any, Any, Any]:
        return asyncio.to_thread(function)

    def let_go(self) -> None:
        """There is no connection."""

    def retire(self) -> None:
        """There is no connection."""

    def close(self) -> None:
        """There is no connection; what this thread has left open is rolled back, as a server would."""
        self.database.leave_blocks(0, commit=False)

    def close_awaited(self) -> None:
        """There is no connection."""

    def is_transient(self, error: BaseException) -> bool:
        return isinstance(error, Busy)

    def is_disconnect(self, error: BaseException) -> bool:
        return isinstance(error, Disconnected)
