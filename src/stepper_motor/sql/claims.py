"""Taking rows: which are due, which of them this process can perform, and until when they are held."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from stepper_motor.journeys import lifecycle
from stepper_motor.journeys.journey import JourneyBase
from stepper_motor.motor.ports import Claim, JourneyId, Kind
from stepper_motor.sql.rows import DUE, NEXT, Rows, among_names, in_list

AHEAD = 1000
"""Rows due later than a worker would sleep, among which the next is looked for."""


class Claims(Rows):
    """Claims rows, and tells when the next is due."""

    def claim_due(self, limit: int, holder: str, not_before: datetime | None = None, kind: Kind = "any") -> list[Claim]:
        if not self.registry.positions(kind):
            return []
        since = (f" AND {DUE} >= %s", [self.database.dialect.time_to_sql(not_before)]) if not_before else ("", [])
        return self._claim(self._due(limit, kind, since), holder)

    def claim_at_once(self, id: JourneyId, fence: str, holder: str) -> tuple[Claim, JourneyBase[Any] | None] | None:
        if not self._can_be_ours(fence):
            return None
        if self.database.dialect.updates_return:
            now, now_params = self.time()
            claiming, params = self._claiming_one(id, fence, holder, f"{self._key}, {DUE}, {now}")
            rows = self.database.execute(claiming, [*params, *now_params])
        else:
            this = f" AND {self._key} = %s AND fence = %s", [self.database.id_to_sql(id), fence]
            rows = self._claim_locking(self._due(1, "any", this), holder)
        claims = self._claims(rows)
        return (claims[0], None) if claims else None

    def _can_be_ours(self, fence: str) -> bool:
        return bool(self.registry.positions()) and fence.isascii() and fence.isprintable()

    def _claiming_one(self, id: JourneyId, fence: str, holder: str, returning: str) -> tuple[str, list[object]]:
        """The statement that claims this row, if it may be, and its parameters but for those of what it returns."""
        taking, params = self._taking(holder)
        now, now_params = self.time()
        known, known_params = self._known("any")
        return (
            f"{taking} WHERE j.{self._key} = (SELECT {self._key} FROM {self._journeys} WHERE {self._key} = %s "
            f"AND fence = %s AND state = 'ready' AND {DUE} <= {now} AND {known}{self.database.dialect.lock_free}) "
            f"RETURNING {returning}",
            [*params, self.database.id_to_sql(id), fence, *now_params, *known_params],
        )

    def _claim(self, due: tuple[str, list[object]], holder: str) -> list[Claim]:
        returning = self.database.dialect.updates_return
        return self._claims(self._claim_returning(due, holder) if returning else self._claim_locking(due, holder))

    def _claims(self, rows: list[tuple[Any, ...]]) -> list[Claim]:
        from_sql = self.database.dialect.time_from_sql
        claims = [Claim(self.database.id_from_sql(id), from_sql(due), from_sql(now)) for id, due, now in rows]
        return sorted(claims, key=lambda claim: claim.due)

    def _claim_returning(self, query: tuple[str, list[object]], holder: str) -> list[tuple[Any, ...]]:
        due, due_params = query
        taking, params = self._taking(holder)
        now, now_params = self.time()
        return self.database.execute(
            f"WITH due AS MATERIALIZED ({due}) {taking} "
            f"WHERE j.{self._key} {self.database.dialect.among('SELECT due_id FROM due')} "
            f"RETURNING {self._key}, {DUE}, {now}",
            [*due_params, *params, *now_params],
        )

    def _taking(self, holder: str) -> tuple[str, list[object]]:
        lease, lease_params = self._lease()
        now, now_params = self.time()
        return (
            f"UPDATE {self._journeys} AS j SET state = 'performing', performed_by = %s, "
            f"lease_expires_at = {lease}, updated_at = {now}",
            [holder, *lease_params, *now_params],
        )

    def _claim_locking(self, query: tuple[str, list[object]], holder: str) -> list[tuple[Any, ...]]:
        taking, params = self._taking(holder)
        with self.database.transaction():
            rows = self.database.execute(*query)
            if rows:
                among, ids = in_list([row[0] for row in rows])
                self.database.write(f"{taking} WHERE {self._key} {among}", [*params, *ids])
        return rows

    def _due(self, limit: int, kind: Kind, narrowed: tuple[str, list[object]]) -> tuple[str, list[object]]:
        """The oldest due rows that this process can perform, or has to pause since nobody seems to know them."""
        dialect = self.database.dialect
        now, now_params = self.time()
        known, known_params = self._known(kind)
        narrower, narrower_params = narrowed
        return (
            f"SELECT {self._key} AS due_id, {DUE} AS due_at, {now} AS due_now FROM {self._journeys} "
            f"WHERE state = 'ready' AND {DUE} <= {now}{narrower} AND {known} ORDER BY {DUE}, {self._key} "
            f"LIMIT {int(limit)}{dialect.lock_free}",
            [*now_params, *now_params, *narrower_params, *known_params],
        )

    def _lease(self) -> tuple[str, list[object]]:
        """When a lease taken now is over, by the class of the row."""
        otherwise, params = self.time(self.settings.lease)
        own = self.registry.leases()
        if not own:
            return otherwise, params
        cases, case_params = "", []
        for type_name, lease in own.items():
            until, until_params = self.time(lease)
            cases += f" WHEN %s THEN {until}"
            case_params += [type_name, *until_params]
        return f"CASE j.type{cases} ELSE {otherwise} END", [*case_params, *params]

    def claim(self, id: JourneyId, fence: str | None, holder: str) -> Claim | None:
        with self.database.transaction():
            found = self.locked([id], wait=True).get(id)
            if found is None or found.performed_by is not None:
                return None
            now = self.now()
            if not lifecycle.claimable(found, now, fence):
                return None
            lease = self._lease_of(id)
            self.write({id: lifecycle.claim(found, holder, now + self.real(lease), now)})
        assert found.next_step_to_be_performed_at is not None
        return Claim(id, found.next_step_to_be_performed_at, now)

    def claimed_by(self, holder: str) -> list[Claim]:
        now, now_params = self.time()
        rows = self.database.execute(
            f"SELECT {self._key}, {DUE}, {now} FROM {self._journeys} WHERE performed_by = %s", [*now_params, holder]
        )
        from_sql = self.database.dialect.time_from_sql
        return [Claim(self.database.id_from_sql(id), from_sql(due or now), from_sql(now)) for id, due, now in rows]

    def _lease_of(self, id: JourneyId) -> timedelta:
        rows = self.database.execute(
            f"SELECT type FROM {self._journeys} WHERE {self._key} = %s", [self.database.id_to_sql(id)]
        )
        return self.registry.leases().get(rows[0][0], self.settings.lease)

    def next_due(self) -> tuple[datetime, datetime] | None:
        """What is due within a poll interval is found wherever it is; what is due later, only near the front.

        No worker sleeps longer, and a row of few types among millions may be the last of them all.
        """
        if not len(self.registry):
            return None
        among, among_params = among_names(self.registry.positions())
        known = f"{self._position()} {among}"
        now, now_params = self.time()
        soon, soon_params = self.time(self.settings.poll_interval)
        ready = f"FROM {self._journeys} WHERE state = 'ready' AND {DUE}"
        in_order = f"ORDER BY {DUE}, {self._key} LIMIT"
        rows = self.database.execute(
            f"SELECT {DUE}, {now} FROM ("
            f"SELECT * FROM (SELECT {DUE} {ready} <= (SELECT {soon}) AND {known} {in_order} 1) AS near UNION ALL "
            f"SELECT * FROM (SELECT {DUE} FROM ("
            f"SELECT {DUE}, type, {NEXT} {ready} > (SELECT {soon}) {in_order} {AHEAD}"
            f") AS ahead WHERE {known} ORDER BY {DUE} LIMIT 1) AS far) AS found ORDER BY {DUE} LIMIT 1",
            [*now_params, *soon_params, *among_params, *soon_params, *among_params],
        )
        from_sql = self.database.dialect.time_from_sql
        return (from_sql(rows[0][0]), from_sql(rows[0][1])) if rows else None
