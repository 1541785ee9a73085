"""Taking rows, letting go of them or holding on to them, and keeping the house, in memory."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from stepper_motor.journeys import lifecycle
from stepper_motor.journeys.row import ENDED, Entry, Row, State, Transition
from stepper_motor.motor import clock
from stepper_motor.motor.applying import applied, as_applied, holds, was_applied
from stepper_motor.motor.fences import new_fence
from stepper_motor.motor.ports import Claim, Expired, Holding, Kind, Renewed, Settled, Settlement
from stepper_motor.motor.registry import Registry
from stepper_motor.motor.settings import Settings
from stepper_motor.sql.rows import clean
from stepper_motor.testing.memory.database import PATIENCE, MemoryDatabase
from stepper_motor.testing.memory.heroes import Heroes
from stepper_motor.testing.memory.stored import StoredJourney

SETTLES_WITHIN = 5.0
"""Seconds for which a patient settlement waits for the lock of its row."""
_TEXTS = ("step_name", "outcome", "reason", "error_class", "message", "traceback", "by")


class MemoryHoldings:
    """What workers and housekeeping do with the rows of one table."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.registry = Registry()
        self.database = MemoryDatabase()
        self.heroes = Heroes()

    def now(self) -> datetime:
        return clock.now()

    def transaction(self) -> AbstractContextManager[None]:
        return self.database.transaction()

    # ---------------------------------------------------------------------------------------------- claiming

    def claim_due(self, limit: int, holder: str, not_before: datetime | None = None, kind: Kind = "any") -> list[Claim]:
        claims: list[Claim] = []
        with self.transaction():
            now = self.now()
            for stored in self._due(now, not_before, kind):
                if len(claims) == limit:
                    break
                claims += self._claimed(stored.id, now, None, holder, patience=0.0)
        return claims

    def claim_at_once(self, id: int, fence: str, holder: str) -> tuple[Claim, None] | None:
        with self.transaction():
            now = self.now()
            due = (stored for stored in self._due(now, None, "any") if (stored.id, stored.row.fence) == (id, fence))
            claims = [claim for stored in due for claim in self._claimed(stored.id, now, fence, holder, patience=0.0)]
        return (claims[0], None) if claims else None

    def _due(self, now: datetime, not_before: datetime | None, kind: Kind) -> list[StoredJourney]:
        """What is due and may be performed here, the longest due first."""
        due = [
            stored for stored in self.database.all()
            if lifecycle.claimable(stored.row, now) and self._is_ours(stored, now, kind)
            and (not_before is None or self._due_of(stored) >= not_before)
        ]  # fmt: skip
        return sorted(due, key=lambda stored: (self._due_of(stored), stored.id))

    def _is_ours(self, stored: StoredJourney, now: datetime, kind: Kind) -> bool:
        """Whether this process can perform it, or has to pause it since nobody seems to know its step."""
        if self._knows(stored, kind):
            return True
        overdue = self._due_of(stored) <= now - self._real(self.settings.unknown_step_grace)
        return overdue and kind != "async" and self.registry.find(stored.type) is not None

    def _knows(self, stored: StoredJourney, kind: Kind) -> bool:
        cls, name = self.registry.find(stored.type), stored.row.next_step_name
        if cls is None or name is None:
            return cls is not None and kind != "async"
        step = cls.steps.find(name)
        return step is not None and (kind == "any" or step.is_awaited == (kind == "async"))

    def _claimed(self, id: int, now: datetime, fence: str | None, holder: str, *, patience: float) -> list[Claim]:
        """The claim, if the row still allows it once it is locked."""
        stored = self.database.get(id) if self.database.lock(id, patience) else None
        if stored is None or stored.row.held or not lifecycle.claimable(stored.row, now, fence):
            return []
        lease = self.registry.leases().get(stored.type, self.settings.lease)
        row = lifecycle.claim(stored.row, holder, now + self._real(lease), now)
        self.database.put(stored._replace(row=row))
        return [Claim(id, self._due_of(stored), now)]

    def claim(self, id: int, fence: str | None, holder: str) -> Claim | None:
        with self.transaction():
            return next(iter(self._claimed(id, self.now(), fence, holder, patience=PATIENCE)), None)

    def claimed_by(self, holder: str) -> list[Claim]:
        now = self.now()
        return [
            Claim(stored.id, stored.row.next_step_to_be_performed_at or now, now)
            for stored in self.database.all() if stored.row.performed_by == holder
        ]  # fmt: skip

    def next_due(self) -> tuple[datetime, datetime] | None:
        ready = [stored for stored in self.database.all() if stored.row.state is State.READY]
        known = [self._due_of(stored) for stored in ready if self._knows(stored, "any")]
        return (min(known), self.now()) if known else None

    # ------------------------------------------------------------------------------- letting go, holding on

    def settle(self, batch: Sequence[Settlement], *, patient: bool = False) -> Settled:
        settled = Settled({}, [])
        with self.transaction():
            for settlement in batch:
                if self.database.lock(settlement.id, SETTLES_WITHIN if patient else 0.0):
                    settled.done[settlement.id] = self._settle(settlement)
                else:
                    settled.locked.append(settlement)
        return settled

    def _settle(self, settlement: Settlement) -> Transition | None:
        stored = self.database.get(settlement.id)
        if stored is None:
            return None
        if was_applied(stored.row, settlement):
            return as_applied(stored.row, settlement)
        transition = applied(stored.row, settlement)
        if transition is not None:
            data = stored.data if settlement.data is None else settlement.data
            own = {**stored.own, **copy.deepcopy(dict(settlement.own))}
            self._write(stored._replace(data=data, own=own), transition)
        return transition

    def hand_back(self, holdings: Sequence[Holding], holder: str, *, patience: float = 0.0) -> dict[int, Row]:
        with self.transaction():
            rows, now = self._locked(holdings, patience), self.now()
            mine = [holding.id for holding in holdings if holds(rows.get(holding.id), holding, holder)]
            freed = {id: lifecycle.hand_back(rows[id], now, new_fence()) for id in mine}
            self.write({id: Transition(row) for id, row in freed.items()})
        return freed

    def renew(self, holdings: Sequence[Holding], holder: str, lease: timedelta, *, patience: float = 0.0) -> Renewed:
        with self.transaction():
            rows, until = self._locked(holdings, patience), self.now() + self._real(lease)
            mine = [holding.id for holding in holdings if holds(rows.get(holding.id), holding, holder)]
            self.write({id: Transition(rows[id]._replace(lease_expires_at=until)) for id in mine})
            locked = {h.id for h in holdings if h.id not in rows and self.database.get(h.id)}
        return Renewed({h.id for h in holdings} - set(mine) - locked, locked)

    def _locked(self, holdings: Sequence[Holding], patience: float) -> dict[int, Row]:
        return self.locked([holding.id for holding in holdings], patience)

    def locked(self, ids: Iterable[int], patience: float = PATIENCE) -> dict[int, Row]:
        """The rows, locked, in the order of their ids; with no patience, those that others have locked are left out."""
        found = [self.database.get(id) for id in sorted(ids) if self.database.lock(id, patience)]
        return {stored.id: stored.row for stored in found if stored}

    def write(self, transitions: Mapping[int, Transition]) -> None:
        """Write rows that are locked, and tell their history."""
        for id, transition in transitions.items():
            stored = self.database.get(id)
            assert stored is not None
            self._write(stored, transition)

    def _write(self, stored: StoredJourney, transition: Transition) -> None:
        row = transition.row
        reason = None if row.reason is None else clean(row.reason)
        self.database.put(stored._replace(row=row._replace(reason=reason)))
        for entry in transition.entries:
            self.tell(stored.id, entry)

    def tell(self, id: int, entry: Entry) -> None:
        """Add to the history, without what no database keeps."""
        texts: dict[str, Any] = {name: clean(text) for name in _TEXTS if (text := getattr(entry, name)) is not None}
        self.database.tell(id, entry._replace(**texts))

    # ---------------------------------------------------------------------------------------- housekeeping

    def expired(self, limit: int, after: int | None = None) -> list[Expired]:
        now = self.now()
        lost = [
            Expired(stored.id, stored.type, stored.row.next_step_name, stored.row.fence, stored.row.lease_expires_at)
            for stored in self._after(after)
            if stored.row.lease_expires_at and stored.row.lapsed(now) and self.registry.find(stored.type)
        ]  # fmt: skip
        return lost[:limit]

    def ended(self, types: Iterable[str], before: datetime, limit: int, after: int | None = None) -> list[int]:
        wanted = set(types)
        return [s.id for s in self._after(after) if s.type in wanted and _has_ended(s, before)][:limit]

    def delete_ended(self, ids: Sequence[int], before: datetime) -> int:
        deleted = 0
        with self.transaction():
            for id in sorted(ids):
                stored = self.database.get(id) if self.database.lock(id, 0.0) else None
                if stored is not None and _has_ended(stored, before):
                    self.database.remove(id)
                    deleted += 1
        return deleted

    def positions(self) -> list[tuple[str, str | None, int]]:
        ongoing = [stored for stored in self.database.all() if stored.row.state.ongoing]
        counts = Counter((stored.type, stored.row.next_step_name) for stored in ongoing)
        return [(type, step, counts[type, step]) for type, step in sorted(counts, key=lambda at: (at[0], at[1] or ""))]

    def _after(self, id: int | None) -> list[StoredJourney]:
        return sorted((s for s in self.database.all() if id is None or s.id > id), key=attrgetter("id"))

    def _due_of(self, stored: StoredJourney) -> datetime:
        due = stored.row.next_step_to_be_performed_at
        assert due is not None, "what is ready has a due time"
        return due

    def _real(self, duration: timedelta) -> timedelta:
        """What a duration of real time is on the library's clock."""
        return duration * clock.installed().speed


def _has_ended(stored: StoredJourney, before: datetime) -> bool:
    row = stored.row
    return row.state in ENDED and row.ended_at is not None and row.ended_at <= before and not row.held
