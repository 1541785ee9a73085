"""Letting go of rows, or holding on to them: settlements, hand-backs and renewals, each for a whole group.

A statement that locks many rows passes over those that others have locked, so that no transaction of the engine that
holds journey rows ever waits for another (DESIGN 8.1). Order of locks: journeys by id, then their history (8.5).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import timedelta

from stepper_motor.journeys import lifecycle
from stepper_motor.journeys.row import Row, Transition
from stepper_motor.motor.applying import applied, as_applied, holds, was_applied
from stepper_motor.motor.fences import new_fence
from stepper_motor.motor.ports import Holding, JourneyId, Renewed, Settled, Settlement
from stepper_motor.sql.rows import (
    ENTRY_KINDS,
    ENTRY_TEXTS,
    ENTRY_TIMES,
    FREE_TEXTS,
    ROW_KINDS,
    ROW_TIMES,
    Rows,
    in_list,
)


class Holdings(Rows, ABC):
    """Settles, hands back and renews what performers hold, as long as they hold it."""

    @abstractmethod
    def may_retry(self) -> bool:
        """See `Store`: the home's store knows."""

    def settle(self, batch: Sequence[Settlement], *, patient: bool = False) -> Settled:
        # Not in a transaction of the app's, unless it is that of an atomic step: a refusal would end it.
        alone = len(batch) == 1 and (patient or self.may_retry())
        if alone and self.database.dialect.chains_writes:
            transition = self._settled_at_once(batch[0])
            if transition:
                return Settled({batch[0].id: transition}, [])
        with self.database.transaction():
            if patient:
                self.database.be_patient()
            rows = self.locked_held({settlement.id: settlement.row for settlement in batch}, wait=patient)
            missing = [settlement for settlement in batch if settlement.id not in rows]
            there = self.existing([settlement.id for settlement in missing]) if missing and not patient else set()
            done: dict[JourneyId, Transition | None] = {s.id: None for s in missing if s.id not in there}
            to_write, written = [], []
            for settlement in batch:
                row = rows.get(settlement.id)
                if row is not None and was_applied(row, settlement):
                    written.append(settlement)
                elif row is not None:
                    done[settlement.id] = transition = applied(row, settlement)
                    if transition:
                        to_write.append((settlement, transition))
            self._write_settled(to_write)
            done.update(self._recognised(written))
        return Settled(done, [settlement for settlement in missing if settlement.id in there])

    def _settled_at_once(self, settlement: Settlement) -> Transition | None:
        """One settlement in one statement, which is its transaction as well; None: nobody knows yet why not."""
        before, transition = settlement.row, applied(settlement.row, settlement)
        if transition is None or settlement.own or len(transition.entries) != 1:
            return None
        after, entry = transition.row, self._for_sql(transition.entries[0], ENTRY_TEXTS, ENTRY_TIMES)
        changed = tuple(n for n, (was, is_now) in enumerate(zip(before, after, strict=True)) if was != is_now)
        told = tuple(n for n, value in enumerate(entry) if value is not None)
        # Not within an atomic step: what follows its commit may change them.
        tells = after.performed_by is not None and self.may_retry() and self.database.own_columns is not None
        form = changed, told, settlement.data is not None, tells
        statement = self._at_once.get(form)
        if statement is None:
            statement = self._at_once[form] = self._at_once_statement(*form)
        values = self._for_sql(after, FREE_TEXTS, ROW_TIMES)
        written = [values[n] for n in changed]
        if settlement.data is not None:
            written.append(settlement.data)
        id = self.database.id_to_sql(settlement.id)
        held = [before.state.value, before.fence, before.performed_by, before.failures, before.losses, before.reason]
        found = self.database.execute(statement, [*written, id, *held, *(entry[n] for n in told)])
        if not found:
            return None
        settlement.own_after = found[0][1:] if tells else None
        return transition

    def _at_once_statement(self, changed: tuple[int, ...], told: tuple[int, ...], with_data: bool, tells: bool) -> str:
        """The row as it was is found by its key, unless others have locked it; it moves, and its history is told.

        Names no column that keeps its value, or that is to be null: the database spends most of its time on reading
        the statement.
        """
        dialect, names, entry = self.database.dialect, tuple(ROW_KINDS), list(ENTRY_KINDS.items())
        quote = dialect.quote
        setting = [f"{quote(names[n])} = %s" for n in changed]
        if with_data:
            setting.append("data = %s::jsonb")
        # What a pause, cancel or resume from outside may have changed while the row was held.
        same = " AND ".join(f"{quote(name)} = %s" for name in ("state", "fence", "performed_by", "failures", "losses"))
        columns = ", ".join(quote(entry[n][0]) for n in told)
        values = ", ".join(f"%s::{dialect.types[entry[n][1]]}" for n in told)
        own = [quote(column) for column in self.database.own_columns or ()] if tells else []
        return (
            f"WITH moved AS (UPDATE {self._journeys} SET {', '.join(setting)} WHERE {self._key} = ("
            f"SELECT {self._key} FROM {self._journeys} WHERE {self._key} = %s AND {same} "
            f"AND reason IS NOT DISTINCT FROM %s AND ended_at IS NULL{dialect.lock_free}) "
            f"RETURNING {', '.join([self._key, *own])}), "
            f"told AS (INSERT INTO {self._history} (journey_id, {columns}) SELECT {self._key}, {values} FROM moved) "
            f"SELECT {', '.join([self._key, *own])} FROM moved"
        )

    def _write_settled(self, settled: list[tuple[Settlement, Transition]]) -> None:
        plain = {s.id: t.row for s, t in settled if s.data is None}
        with_data = {s.id: t.row for s, t in settled if s.data is not None}
        self.write(plain)
        self.write(with_data, {s.id: s.data for s, _ in settled if s.data is not None})
        for settlement, _ in settled:
            if settlement.own:
                self.database.write_own(settlement.id, settlement.own)
        self.tell([(s.id, entry) for s, t in settled for entry in t.entries])

    def _recognised(self, written: list[Settlement]) -> dict[JourneyId, Transition | None]:
        """What these settlements came to when they were written: only the answer of that commit was lost."""
        rows = self.locked([settlement.id for settlement in written], wait=True) if written else {}
        return {settlement.id: as_applied(rows[settlement.id], settlement) for settlement in written}

    def hand_back(self, holdings: Sequence[Holding], holder: str, *, patience: float = 0.0) -> dict[JourneyId, Row]:
        now = self.now()
        with self.database.transaction():
            if patience:
                self.database.be_patient(patience)
            rows = self.locked([holding.id for holding in holdings], wait=bool(patience))
            mine = {h.id: rows[h.id] for h in holdings if holds(rows.get(h.id), h, holder)}
            freed = {id: lifecycle.hand_back(row, now, new_fence()) for id, row in mine.items()}
            self.write(freed)
        return freed

    def renew(self, holdings: Sequence[Holding], holder: str, lease: timedelta, *, patience: float = 0.0) -> Renewed:
        until, params = self.time(lease)
        with self.database.transaction():
            if patience:
                self.database.be_patient(patience)
            rows = self.locked([holding.id for holding in holdings], wait=bool(patience))
            missing = [holding for holding in holdings if holding.id not in rows]
            there = self.existing([holding.id for holding in missing]) if missing and not patience else set()
            ids = [self.database.id_to_sql(h.id) for h in holdings if holds(rows.get(h.id), h, holder)]
            if ids:
                among, ids = in_list(ids)
                self.database.write(
                    f"UPDATE {self._journeys} SET lease_expires_at = {until} WHERE {self._key} {among}",
                    [*params, *ids],
                )
        gone = {h.id for h in holdings if h.id in rows and not holds(rows[h.id], h, holder)}
        gone |= {holding.id for holding in missing if holding.id not in there}
        return Renewed(gone, there)
