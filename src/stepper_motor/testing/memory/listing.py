"""Reading journeys and their history for people, in memory."""

from __future__ import annotations

from stepper_motor.journeys.row import Entry, State
from stepper_motor.motor.ports import Record, Wanted
from stepper_motor.testing.memory.stored import StoredJourney
from stepper_motor.testing.memory.tickets import MemoryTickets


class MemoryListing(MemoryTickets):
    """Finds journeys of every type, and tells their history."""

    def id_of(self, text: str) -> int | None:
        return int(text) if text.isascii() and text.isdigit() else None

    def find(self, wanted: Wanted, limit: int) -> list[Record]:
        found = [stored for stored in self.database.all() if self._is_wanted(stored, wanted)]
        if wanted.soonest_first:
            found.sort(key=lambda stored: (stored.row.next_step_to_be_performed_at, stored.id))
        else:
            found.sort(key=lambda stored: -stored.id)
        return [Record(s.id, s.type, s.hero_type, s.hero_id, s.key, s.data, s.created_at, s.row) for s in found[:limit]]

    def _is_wanted(self, stored: StoredJourney, wanted: Wanted) -> bool:
        row, due = stored.row, stored.row.next_step_to_be_performed_at
        asked = [
            (wanted.id, stored.id), (wanted.type, stored.type), (wanted.state, row.state),
            (wanted.hero_type, stored.hero_type), (wanted.hero_id, stored.hero_id),
        ]  # fmt: skip
        if any(want is not None and want != has for want, has in asked):
            return False
        if wanted.step is not None and not self._stands_at(stored, wanted.step):
            return False
        if wanted.overdue:
            return row.state is State.READY and due is not None and due <= self.now()
        return not wanted.soonest_first or (row.state.ongoing and due is not None)

    def _stands_at(self, stored: StoredJourney, step: str) -> bool:
        name = stored.row.next_step_name
        return name == step or (stored.type, name) in self.registry.standing_at(step)

    def entries(self, id: int, limit: int) -> list[Entry]:
        return self.database.history(id)[-limit:]
