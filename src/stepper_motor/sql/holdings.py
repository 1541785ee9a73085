"""Letting go of rows, or holding on to them: settlements, hand-backs and renewals, each for a whole group.

A statement that locks many rows passes over those that others have locked, so that no transaction of the engine that
holds journey rows ever waits for another (DESIGN 8.1). Order of locks: journeys by id, then their history (8.5).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from stepper_motor.journeys import lifecycle
from stepper_motor.journeys.row import Row, Transition
from stepper_motor.motor.applying import applied, as_applied, holds, was_applied
from stepper_motor.motor.fences import new_fence
from stepper_motor.motor.ports import Holding, JourneyId, Renewed, Settled, Settlement
from stepper_motor.sql.rows import Rows, in_list


class Holdings(Rows):
    """Settles, hands back and renews what performers hold, as long as they hold it."""

    def may_retry(self) -> bool:
        """See `Store`: the home's store knows."""
        raise NotImplementedError

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
        row, transition = settlement.row, applied(settlement.row, settlement)
        if transition is None or settlement.own or not transition.entries:
            return None
        id = settlement.id
        data: dict[JourneyId, str | None] | None = None if settlement.data is None else {id: settlement.data}
        as_it_was = {"state": row.state.value, "fence": row.fence, "performed_by": row.performed_by,
                     "failures": row.failures, "losses": row.losses}  # fmt: skip
        same = " AND ".join(f"{self.database.dialect.quote(name)} = %s" for name in as_it_was)
        writing, written = self._writing({id: transition.row}, data)
        told = [(id, entry) for entry in transition.entries]
        telling, entries = self._telling(told, " WHERE EXISTS (SELECT 1 FROM moved)")
        count = self.database.write(
            f"WITH held AS MATERIALIZED (SELECT {self._key} AS held_id FROM {self._journeys} WHERE {self._key} = %s "
            f"AND {same} AND reason IS NOT DISTINCT FROM %s AND ended_at IS NULL{self.database.dialect.lock_free}), "
            f"moved AS ({writing} AND j.{self._key} IN (SELECT held_id FROM held) RETURNING 1) {telling}",
            [self.database.id_to_sql(id), *as_it_was.values(), row.reason, *written, *entries],
        )
        return transition if count else None

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
