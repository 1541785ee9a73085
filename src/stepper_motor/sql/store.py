"""The `Store` of one table, on whatever runs its statements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from stepper_motor.journeys.errors import AlreadyOnJourney
from stepper_motor.journeys.row import Entry, Row, Transition
from stepper_motor.motor.ports import Decide, Expired, JourneyId, NoSuchRow
from stepper_motor.sql.claims import Claims
from stepper_motor.sql.holdings import Holdings
from stepper_motor.sql.listing import Listing
from stepper_motor.sql.rows import NEXT, among_names, in_list
from stepper_motor.sql.tickets import Tickets

_ENDED = "state IN ('finished', 'canceled') AND ended_at <= %s AND performed_by IS NULL"


def _has_ended(row: Row, before: datetime) -> bool:
    return not row.state.ongoing and row.ended_at is not None and row.ended_at <= before and row.performed_by is None


class SqlStore(Claims, Holdings, Listing, Tickets):
    """Claims, settles, renews, recovers, changes and deletes rows with statements of its own."""

    # --------------------------------------------------------------------------------------- housekeeping

    def expired(self, limit: int, after: JourneyId | None = None) -> list[Expired]:
        types = self.registry.types
        if not types:
            return []
        now, now_params = self.time()
        page, page_params = "", []
        if after is not None:
            page, page_params = f" AND {self._key} > %s", [self.database.id_to_sql(after)]
        among, among_params = among_names(types)
        rows = self.database.execute(
            f"SELECT {self._key}, type, {NEXT}, fence, lease_expires_at FROM {self._journeys} "
            f"WHERE performed_by IS NOT NULL AND lease_expires_at <= {now} AND type {among}{page} "
            f"ORDER BY {self._key} LIMIT {int(limit)}",
            [*now_params, *among_params, *page_params],
        )
        from_sql = self.database.dialect.time_from_sql
        return [Expired(self.database.id_from_sql(id), type, step, fence, from_sql(lease))
                for id, type, step, fence, lease in rows]  # fmt: skip

    def ended(
        self, types: Iterable[str], before: datetime, limit: int, after: JourneyId | None = None
    ) -> list[JourneyId]:
        names = list(types)
        page, page_params = "", []
        if after is not None:
            page, page_params = f" AND {self._key} > %s", [self.database.id_to_sql(after)]
        among, among_params = among_names(names)
        rows = self.database.execute(
            f"SELECT {self._key} FROM {self._journeys} WHERE {_ENDED} AND type {among}{page} "
            f"ORDER BY {self._key} LIMIT {int(limit)}",
            [self.database.dialect.time_to_sql(before), *among_params, *page_params],
        )
        return [self.database.id_from_sql(id) for (id,) in rows]

    def delete_ended(self, ids: Sequence[JourneyId], before: datetime) -> int:
        with self.database.transaction():
            # Asked by key alone: told when they ended, a database may look through all that have ended instead.
            rows = self.locked(ids, wait=False)
            ended = [self.database.id_to_sql(id) for id, row in rows.items() if _has_ended(row, before)]
            if ended:
                among, keys = in_list(ended)
                self.database.write(f"DELETE FROM {self._history} WHERE journey_id {among}", keys)
                self.database.write(f"DELETE FROM {self._journeys} WHERE {self._key} {among}", keys)
        return len(ended)

    def positions(self) -> list[tuple[str, str | None, int]]:
        return [
            (type, step, int(count))
            for type, step, count in self.database.execute(
                f"SELECT type, {NEXT}, COUNT(*) FROM {self._journeys} "
                f"WHERE state IN ('ready', 'performing', 'paused') GROUP BY type, {NEXT} ORDER BY type, {NEXT}"
            )
        ]

    # --------------------------------------------------------------------------------------- from outside

    def change(self, id: JourneyId, decide: Decide, *, wait: bool = True) -> Transition:
        """Lock the row, decide, write.

        Raises:
            NoSuchRow: there is no such row; without `wait`, also if others have locked it.
            AlreadyOnJourney: the new state takes a place that another journey of the hero has.
        """
        result = self.change_many({id: decide}, wait=wait)[id]
        if isinstance(result, Exception):
            raise result
        return result

    def change_many(
        self, decisions: Mapping[JourneyId, Decide], *, wait: bool = True
    ) -> dict[JourneyId, Transition | Exception]:
        try:
            with self.database.transaction():
                results = self._decided(decisions, wait=wait)
                changed = {id: t for id, t in results.items() if isinstance(t, Transition)}
                self.write({id: transition.row for id, transition in changed.items()})
                self.tell([(id, entry) for id, t in changed.items() for entry in t.entries])
        except Exception as error:
            if self.database.is_conflict(error):
                raise AlreadyOnJourney("the hero is on another journey of this class and key") from error
            raise
        return results

    def _decided(self, decisions: Mapping[JourneyId, Decide], *, wait: bool) -> dict[JourneyId, Transition | Exception]:
        rows, now = self.locked(list(decisions), wait=wait), self.now()
        results: dict[JourneyId, Transition | Exception] = {}
        for id, decide in decisions.items():
            if id not in rows:
                results[id] = NoSuchRow(f"there is no journey {id!r} any more")
                continue
            try:
                results[id] = decide(rows[id], now)
            except Exception as error:  # one that can't be decided does not fail the others
                results[id] = error
        return results

    def note(self, id: JourneyId, entry: Entry) -> None:
        with self.database.transaction():
            self.tell([(id, entry)])
