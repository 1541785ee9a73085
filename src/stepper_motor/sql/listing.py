"""Reading journeys and their history for people: of every type, whether or not this code knows its class."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from stepper_motor.journeys.row import Entry, State
from stepper_motor.motor.ports import JourneyId, Record, Wanted
from stepper_motor.sql.rows import DUE, ENTRY_KINDS, NEXT, Rows, clean, in_list, places

LARGEST_KEY = 2**63 - 1
"""Of the whole numbers that a database keeps."""
Condition = tuple[str, list[object]]


class Listing(Rows):
    """Finds journeys, and tells their history."""

    def id_of(self, text: str) -> JourneyId | None:
        try:
            id = self.database.id_from_text(text)
        except Exception:  # whatever the ORM raises for a text that is no such key
            return None
        return None if isinstance(id, int) and abs(id) > LARGEST_KEY else id

    @property
    def _has_numbers(self) -> bool:
        return "int" in self.table.id_type.lower()

    def find(self, wanted: Wanted, limit: int) -> list[Record]:
        conditions = list(self._conditions(wanted))
        where = " AND ".join(condition for condition, _ in conditions) or "1 = 1"
        rows = self.database.execute(
            f"SELECT {self._key}, type, {self._hero_columns()}, {self._columns} FROM {self._journeys} "
            f"WHERE {where} ORDER BY {self._order(wanted)} LIMIT {int(limit)}",
            [param for _, params in conditions for param in params],
        )
        return [self._record(values) for values in rows]

    def _hero_columns(self) -> str:
        """hero_type and hero_id as texts, then key, data and created_at."""
        quote, text = self.database.dialect.quote, self.database.dialect.text
        hero_type = "NULL" if self.table.hero_type else "hero_type"
        hero_id = f"CAST({quote(self.table.hero)} AS {text})"
        return f"{hero_type}, {hero_id}, {quote('key')}, CAST(data AS {text}), created_at"

    def _order(self, wanted: Wanted) -> str:
        if wanted.soonest_first:
            return f"{DUE}, {self._key}"
        # Where keys are counted up they tell the age, and have an index.
        return f"{self._key} DESC" if self._has_numbers else f"created_at DESC, {self._key}"

    def _conditions(self, wanted: Wanted) -> Iterator[Condition]:
        if wanted.id is not None:
            among, params = in_list([self.database.id_to_sql(wanted.id)])
            yield f"{self._key} {among}", params
        if wanted.type is not None:
            yield "type = %s", [clean(wanted.type)]
        if wanted.state is not None:
            yield f"state = '{State(wanted.state).value}'", []
        if wanted.step is not None:
            yield self._at_step(clean(wanted.step))
        if wanted.hero_type is not None:
            yield self._of_hero_type(clean(wanted.hero_type))
        if wanted.hero_id is not None:
            yield self._of_hero(clean(wanted.hero_id))
        if wanted.overdue:
            now, params = self.time()
            yield f"state = 'ready' AND {DUE} <= {now}", params
        elif wanted.soonest_first:
            yield f"state IN ('ready', 'performing', 'paused') AND {DUE} IS NOT NULL", []

    def _at_step(self, step: str) -> Condition:
        """The next step, also in rows that remember it by a former name."""
        also = self.registry.standing_at(step)
        conditions = [f"{NEXT} = %s", *(f"(type = %s AND {NEXT} = %s)" for _ in also)]
        return f"({' OR '.join(conditions)})", [step, *(part for pair in also for part in pair)]

    def _of_hero_type(self, hero_type: str) -> Condition:
        if self.table.hero_type is None:
            return "hero_type = %s", [hero_type]
        return "1 = 1" if hero_type == self.table.hero_type else "1 = 0", []

    def _of_hero(self, hero_id: str) -> Condition:
        column = self.database.dialect.quote(self.table.hero)
        if self.table.hero_type is not None:  # its own type, and a parameter is text
            column = f"CAST({column} AS {self.database.dialect.text})"
        forms = _forms(hero_id)
        return f"{column} IN ({places(forms)})", [*forms]

    def _record(self, values: tuple[Any, ...]) -> Record:
        id, type, hero_type, hero_id, key, data, created_at, *row = values
        hero_type = self.table.hero_type if hero_id is not None and self.table.hero_type else hero_type
        at = self.database.dialect.time_from_sql(created_at)
        return Record(self.database.id_from_sql(id), type, hero_type, hero_id, key, data, at, self._row(row))

    def entries(self, id: JourneyId, limit: int) -> list[Entry]:
        columns = ", ".join(self.database.dialect.quote(name) for name in ENTRY_KINDS)
        among, params = in_list([self.database.id_to_sql(id)])
        rows = self.database.execute(
            f"SELECT {columns} FROM {self._history} WHERE journey_id {among} ORDER BY id DESC LIMIT {int(limit)}",
            params,
        )
        return [self._entry(list(values)) for values in reversed(rows)]

    def _entry(self, values: list[Any]) -> Entry:
        from_sql = self.database.dialect.time_from_sql
        entry = Entry._make(values)
        started_at = None if entry.started_at is None else from_sql(entry.started_at)
        finished_at = from_sql(entry.finished_at)
        return entry._replace(state=State(entry.state), started_at=started_at, finished_at=finished_at)


def _forms(hero_id: str) -> list[str]:
    """The texts that a hero's key may be kept as: a database without UUIDs may leave out their dashes."""
    try:
        uuid = UUID(hero_id)
    except ValueError:
        return [hero_id]
    return list(dict.fromkeys([hero_id, str(uuid), uuid.hex]))
