"""What the sweep hands to a queue, and how it remembers what it has handed over, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from stepper_motor.journeys.row import State
from stepper_motor.motor.marks import FORGOTTEN, Mark, is_wanted, marked, may_be_handed_over, real, taken_back
from stepper_motor.motor.ports import Ready
from stepper_motor.motor.settings import Settings
from stepper_motor.testing.memory.holdings import MemoryHoldings
from stepper_motor.testing.memory.stored import StoredJourney


class MemoryTable(NamedTuple):
    """What the one table is called."""

    full_name: str = "memory"


class MemoryTickets(MemoryHoldings):
    """Finds what is to be handed over, and marks it as handed over, once for all who sweep."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._marks: dict[int, Mark] = {}
        """Read and written by whoever has the journey's row locked."""

    @property
    def table(self) -> MemoryTable:
        return MemoryTable()

    def hand_over(self, horizon: timedelta | None, limit: int) -> list[Ready]:
        handed: list[Ready] = []
        with self.transaction():
            now = self.now()
            for stored in self._swept(now, horizon):
                if len(handed) == limit:
                    break
                if self.database.lock(stored.id, 0.0):
                    handed += self._handed_over(stored.id, stored.row.fence, now)
        return handed

    def hand_over_again(self, id: int, fence: str) -> Ready | None:
        with self.transaction():
            if not self.database.lock(id, 0.0):
                return None
            return next(iter(self._handed_over(id, fence, self.now())), None)

    def take_back(self, missed: Sequence[Ready]) -> None:
        with self.transaction():
            for ready in missed:
                stored = self.database.get(ready.id) if self.database.lock(ready.id, 0.0) else None
                if stored is not None and stored.row.fence == ready.fence:
                    self._marks[ready.id] = taken_back(ready.fence, self.now())

    def forget_tickets(self) -> int:
        before = self.now() - real(FORGOTTEN)
        old = [id for id, mark in tuple(self._marks.items()) if mark.again_at < before]
        for id in old:
            self._marks.pop(id, None)
        return len(old)

    def _swept(self, now: datetime, horizon: timedelta | None) -> list[StoredJourney]:
        """What a queue is to be told of, the longest due first."""
        ready = [stored for stored in self.database.all() if stored.row.state is State.READY]
        known = [(self._due_of(stored), stored.id, stored) for stored in ready if self._is_ours(stored, now, "any")]
        return [s for due, _, s in sorted(known) if is_wanted(due, s.row.updated_at, now, horizon)]

    def _handed_over(self, id: int, fence: str, now: datetime) -> list[Ready]:
        """The row, which is locked, marked; nothing, if it has moved on or its time has not come again."""
        stored = self.database.get(id)
        if stored is None or stored.row.fence != fence or stored.row.state is not State.READY:
            return []
        ready = Ready(id, fence, self._due_of(stored), stored.type, stored.row.next_step_name)
        mark = self._marks.get(id)
        if not may_be_handed_over(ready, mark, now):
            return []
        self._marks[id] = marked(ready, mark, now)
        return [ready]
