"""What the sweep hands to a queue, and how it remembers what it has handed over.

Marks are kept in a table of their own, one row for a journey at most, written by the sweep alone: a ticket that is
handed over the moment a journey becomes ready needs none, since the row says when it became so and when it is due.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from stepper_motor.journeys.row import State
from stepper_motor.motor.marks import FORGOTTEN, OVERDUE, Mark, marked, may_be_handed_over, real, taken_back
from stepper_motor.motor.ports import JourneyId, Ready
from stepper_motor.sql.dialects import INTEGER, TEXT, TIME
from stepper_motor.sql.rows import DUE, NEXT, Rows, in_list

KINDS = {"journeys": TEXT, "journey_id": TEXT, "fence": TEXT, "times": INTEGER, "again_at": TIME}


class Tickets(Rows):
    """Finds what is to be handed over, and marks it as handed over, once for all who sweep."""

    def hand_over(self, horizon: timedelta | None, limit: int) -> list[Ready]:
        with self.database.transaction():
            now = self.now()
            candidates = self._candidates(horizon, limit, now)
            marks = self._marks([ready.id for ready in candidates])
            # Asked again under the locks: the query may have begun before another sweep committed its marks.
            with_marks = [(ready, marks.get(self._text(ready.id))) for ready in candidates]
            handed = [(ready, mark) for ready, mark in with_marks if may_be_handed_over(ready, mark, now)]
            self._write([(ready, marked(ready, mark, now)) for ready, mark in handed])
        return [ready for ready, _ in handed]

    def hand_over_again(self, id: JourneyId, fence: str) -> Ready | None:
        with self.database.transaction():
            row = self.locked([id], wait=False).get(id)
            if row is None or row.fence != fence or row.state is not State.READY:
                return None
            assert row.next_step_to_be_performed_at is not None
            now, mark = self.now(), self._marks([id]).get(self._text(id))
            ready = Ready(id, fence, row.next_step_to_be_performed_at, self._type_of(id), row.next_step_name)
            if not may_be_handed_over(ready, mark, now):
                return None
            self._write([(ready, marked(ready, mark, now))])
        return ready

    def take_back(self, missed: Sequence[Ready]) -> None:
        if not missed:
            return
        with self.database.transaction():
            now = self.now()
            # Only those that still are as they were marked: others may have swept since.
            found = {each.id: each for each in missed}
            rows = self.locked(found, wait=False)
            same = [found[id] for id, row in rows.items() if row.fence == found[id].fence]
            self._write([(ready, taken_back(ready.fence, now)) for ready in same])

    def forget_tickets(self) -> int:
        before = self.database.dialect.time_to_sql(self.now() - real(FORGOTTEN))
        return self.database.write(
            f"DELETE FROM {self._tickets} WHERE journeys = %s AND again_at < %s", [self.table.journeys, before]
        )

    # ------------------------------------------------------------------------------------------------ inside

    def _candidates(self, horizon: timedelta | None, limit: int, now: datetime) -> list[Ready]:
        """What `is_wanted`, of a type and step that this process knows, or has to pause, and not marked."""
        (known, known_params), dialect = self._known("any", "j."), self.database.dialect
        wanted = f"(j.{DUE} <= %s AND j.updated_at <= %s)"
        params = [dialect.time_to_sql(now - real(OVERDUE))] * 2
        if horizon is not None:
            ahead = real(horizon)
            wanted = f"({wanted} OR (j.{DUE} <= %s AND {dialect.apart('j.' + DUE, 'j.updated_at', ahead)}))"
            params.append(dialect.time_to_sql(now + ahead))
        rows = self.database.execute(
            f"SELECT j.{self._key}, j.fence, j.{DUE}, j.type, j.{NEXT} FROM {self._journeys} AS j "
            f"WHERE j.state = 'ready' AND {wanted} AND {known} "
            f"AND NOT EXISTS (SELECT 1 FROM {self._tickets} AS t WHERE t.journeys = %s "
            f"AND t.journey_id = {dialect.text_of('j.' + self._key)} AND t.fence = j.fence AND t.again_at > %s) "
            f"ORDER BY j.{DUE}, j.{self._key} LIMIT {int(limit)}{dialect.lock_free}",
            [*params, *known_params, self.table.journeys, dialect.time_to_sql(now)],
        )
        return [Ready(self.database.id_from_sql(id), fence, dialect.time_from_sql(due), type, step)
                for id, fence, due, type, step in rows]  # fmt: skip

    def _marks(self, ids: Sequence[JourneyId]) -> dict[str, Mark]:
        if not ids:
            return {}
        among, params = in_list([self._text(id) for id in ids])
        rows = self.database.execute(
            f"SELECT journey_id, fence, times, again_at FROM {self._tickets} "
            f"WHERE journeys = %s AND journey_id {among}",
            [self.table.journeys, *params],
        )
        from_sql = self.database.dialect.time_from_sql
        return {id: Mark(fence, times, from_sql(again_at)) for id, fence, times, again_at in rows}

    def _write(self, marks: Sequence[tuple[Ready, Mark]]) -> None:
        """Of rows that are locked."""
        if not marks:
            return
        dialect = self.database.dialect
        document = [
            [self.table.journeys, self._text(ready.id), mark.fence, mark.times, dialect.time_to_json(mark.again_at)]
            for ready, mark in marks
        ]
        statement = dialect.upsert(self._tickets, ("journeys", "journey_id"), KINDS)
        self.database.write(statement, [json.dumps(sorted(document))])

    def _text(self, id: JourneyId) -> str:
        """The primary key as the marks have it."""
        return str(self.database.id_to_sql(id))

    def _type_of(self, id: JourneyId) -> str:
        rows = self.database.execute(
            f"SELECT type FROM {self._journeys} WHERE {self._key} = %s", [self.database.id_to_sql(id)]
        )
        return str(rows[0][0])
