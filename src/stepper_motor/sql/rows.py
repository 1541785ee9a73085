"""The rows of one table as the engine reads and writes them, whatever they are read or written for.

A whole group travels to the database as one JSON document in one statement.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Protocol

from stepper_motor.journeys.row import Entry, Row, State
from stepper_motor.motor import clock
from stepper_motor.motor.ports import JourneyId, Kind
from stepper_motor.motor.registry import SEPARATOR, Registry
from stepper_motor.motor.settings import Settings
from stepper_motor.sql.dialects import ID, INTEGER, TEXT, TIME, Dialect

ROW_KINDS = {
    "state": TEXT, "reason": TEXT, "previous_step_name": TEXT, "next_step_name": TEXT,
    "next_step_to_be_performed_at": TIME, "attempts": INTEGER, "failures": INTEGER, "losses": INTEGER,
    "round": INTEGER, "steps_entered": INTEGER, "steps_completed": INTEGER, "fence": TEXT, "arrived_at": TIME,
    "lease_expires_at": TIME, "performed_by": TEXT, "updated_at": TIME, "ended_at": TIME,
}  # fmt: skip
ENTRY_KINDS = {
    "step_name": TEXT, "attempt": INTEGER, "outcome": TEXT, "state": TEXT, "reason": TEXT, "error_class": TEXT,
    "message": TEXT, "traceback": TEXT, "performed_by": TEXT, "started_at": TIME, "finished_at": TIME,
}  # fmt: skip
assert tuple(ROW_KINDS) == Row._fields
ROW_TIMES = tuple(n for n, kind in enumerate(ROW_KINDS.values()) if kind is TIME)
FREE_TEXTS = (tuple(ROW_KINDS).index("reason"),)
"""Where texts stand that people or exceptions wrote, and that a database may refuse."""
ENTRY_TEXTS = tuple(n for n, kind in enumerate(ENTRY_KINDS.values()) if kind is TEXT)
ENTRY_TIMES = tuple(n for n, kind in enumerate(ENTRY_KINDS.values()) if kind is TIME)

_HARMLESS = re.compile(rf"[A-Za-z0-9_.<>{SEPARATOR} -]*")
_STATES = {state.value: state for state in State}
DUE, NEXT = "next_step_to_be_performed_at", "next_step_name"


@dataclass(frozen=True, slots=True)
class Table:
    """Where the journeys of one root class are kept."""

    journeys: str
    history: str
    key: str
    """The column of the primary key."""
    id_type: str
    """The primary key's type as the database names it in a cast."""
    tickets: str = "stepper_motor_tickets"
    """Where it is kept what was handed to a queue: one table for all."""
    hero: str = "hero_id"
    """The column of the hero's key."""
    hero_type: str | None = None
    """The hero's table, where the hero is a real foreign key; None: each row tells it."""
    schema: str | None = None
    """Where both tables are; None: where the connection looks by default."""

    @property
    def full_name(self) -> str:
        return f"{self.schema}.{self.journeys}" if self.schema else self.journeys


class Database(Protocol):
    """Runs the engine's statements on the ORM's connection of this thread. Parameters are `%s`."""

    @property
    def dialect(self) -> Dialect: ...

    def execute(self, sql: str, params: Sequence[object] = ()) -> list[tuple[Any, ...]]: ...

    def write(self, sql: str, params: Sequence[object] = ()) -> int:
        """Returns how many rows matched."""

    def transaction(self) -> AbstractContextManager[None]:
        """A transaction of the engine's, or a savepoint within the caller's."""

    def be_patient(self, seconds: float | None = None) -> None:
        """Within this transaction, wait for locks, but not for ever (5 s; a database may round up to whole seconds)."""

    def is_conflict(self, error: Exception) -> bool:
        """Whether a uniqueness of the database was violated."""

    @property
    def own_columns(self) -> Sequence[str] | None:
        """The app's own columns, `data` among them, for a settlement to tell along; None: they are to be read."""

    def id_to_sql(self, id: JourneyId) -> Any: ...

    def id_from_sql(self, value: Any) -> JourneyId: ...

    def id_from_text(self, text: str) -> JourneyId:
        """The primary key that somebody wrote.

        Raises:
            Exception: it can't be one.
        """

    def write_own(self, id: JourneyId, own: Any) -> None:
        """Write the app's own columns of a journey through the ORM."""


class Rows:
    """Locks, reads and writes rows and their history."""

    def __init__(self, table: Table, database: Database, registry: Registry, settings: Settings) -> None:
        self.table = table
        self.database = database
        self.registry = registry
        self.settings = settings
        quote = database.dialect.quote
        within = f"{quote(table.schema)}." if table.schema else ""
        self._tickets = within + quote(table.tickets)
        self._journeys, self._history = within + quote(table.journeys), within + quote(table.history)
        self._key = quote(table.key)
        self._columns = ", ".join(quote(name) for name in ROW_KINDS)
        self._at_once: dict[object, str] = {}
        """Statements that settle one row, by what changes."""

    def _position(self, of: str = "") -> str:
        """Type and next step as one text, as the registry has them. `of` stands before the columns' names."""
        step = f"COALESCE({of}{NEXT}, '')"
        if self.database.dialect.name == "mysql":
            return f"CONCAT({of}type, '{SEPARATOR}', {step})"
        return f"{of}type || '{SEPARATOR}' || {step}"

    def _known(self, kind: Kind, of: str = "") -> tuple[str, list[object]]:
        """What this process can perform, or has to pause since nobody seems to know its step."""
        positions, types = self.registry.positions(kind), self.registry.types
        if kind == "async":
            among, params = among_names(positions)
            return f"{self._position(of)} {among}", params
        grace, grace_params = self.time(-self.settings.unknown_step_grace)
        among, params = among_names(positions)
        among_types, type_params = among_names(types)
        return (
            f"({self._position(of)} {among} OR ({of}type {among_types} AND {of}{DUE} <= {grace}))",
            [*params, *type_params, *grace_params],
        )

    def now(self) -> datetime:
        dialect, installed = self.database.dialect, clock.installed()
        if installed.replaces_database or dialect.now == "%s":
            return installed.now()
        return dialect.time_from_sql(self.database.execute(f"SELECT {dialect.now}")[0][0])

    def real(self, duration: timedelta) -> timedelta:
        """What a duration of real time is on the library's clock."""
        return duration * clock.installed().speed

    def time(self, plus: timedelta | None = None) -> tuple[str, list[object]]:
        """An expression for the time, now or a real duration from now, and its parameters."""
        dialect, installed = self.database.dialect, clock.installed()
        if installed.replaces_database or dialect.now == "%s":
            at = installed.now() + (self.real(plus) if plus else timedelta())
            return dialect.given_time, [dialect.time_to_sql(at)]
        return (f"({dialect.later(plus.total_seconds())})" if plus else dialect.now), []

    def locked(self, ids: Iterable[JourneyId], *, wait: bool) -> dict[JourneyId, Row]:
        """The rows, locked, in the order of their ids; without `wait`, those that others have locked are left out."""
        return {id: self._row(values) for id, values in self._lock(ids, self._columns, wait=wait).items()}

    def _lock(self, ids: Iterable[JourneyId], columns: str, *, wait: bool) -> dict[JourneyId, list[Any]]:
        dialect, database = self.database.dialect, self.database
        among, keys = in_list(sorted(database.id_to_sql(id) for id in ids))
        if dialect.name == "sqlite" and wait:
            # A read would make the caller's deferred transaction one that can't be upgraded while others write.
            database.write(f"UPDATE {self._journeys} SET fence = fence WHERE {self._key} {among}", keys)
        rows = database.execute(
            f"SELECT {self._key}, {columns} FROM {self._journeys} WHERE {self._key} {among} "
            f"ORDER BY {self._key}{dialect.lock if wait else dialect.lock_free}",
            keys,
        )
        return {database.id_from_sql(key): values for key, *values in rows}

    def locked_held(self, before: Mapping[JourneyId, Row], *, wait: bool) -> dict[JourneyId, Row]:
        """Rows that performances hold, locked: what cannot have changed since is taken from `before`."""
        # A pause, cancel or resume from outside may have changed these while it was held.
        names = ("state", "fence", "performed_by", "reason", "ended_at", "failures", "losses")
        rows = self._lock(before, ", ".join(self.database.dialect.quote(name) for name in names), wait=wait)
        from_sql = self.database.dialect.time_from_sql
        return {
            id: before[id]._replace(
                state=_STATES[state], fence=fence, performed_by=by, reason=reason,
                ended_at=None if ended is None else from_sql(ended), failures=failures, losses=losses,
            )
            for id, (state, fence, by, reason, ended, failures, losses) in rows.items()
        }  # fmt: skip

    def existing(self, ids: Sequence[JourneyId]) -> set[JourneyId]:
        among, keys = in_list([self.database.id_to_sql(id) for id in ids])
        rows = self.database.execute(f"SELECT {self._key} FROM {self._journeys} WHERE {self._key} {among}", keys)
        return {self.database.id_from_sql(key) for (key,) in rows}

    def _row(self, values: list[Any]) -> Row:
        from_sql = self.database.dialect.time_from_sql
        for place in ROW_TIMES:
            if values[place] is not None:
                values[place] = from_sql(values[place])
        values[0] = State(values[0])
        return Row._make(values)

    def write(self, rows: dict[JourneyId, Row], data: dict[JourneyId, str | None] | None = None) -> None:
        if not rows:
            return
        database, dialect = self.database, self.database.dialect
        kinds = {"id": ID, **ROW_KINDS, **({"data": TEXT} if data else {})}
        columns = {name: f"v.{dialect.quote(name)}" for name in ROW_KINDS}
        if data:
            columns["data"] = "v.data::jsonb" if dialect.name == "postgresql" else "v.data"
        records = dialect.recordset(kinds, self.table.id_type)
        document = [
            [_key(database.id_to_sql(id)), *self._for_json(row, FREE_TEXTS, ROW_TIMES), *([data[id]] if data else ())]
            for id, row in sorted(rows.items(), key=lambda item: database.id_to_sql(item[0]))
        ]
        database.write(dialect.update_from(self._journeys, self._key, records, columns), [json.dumps(document)])

    def tell(self, entries: Sequence[tuple[JourneyId, Entry]]) -> None:
        """Add these entries to the history."""
        if not entries:
            return
        dialect = self.database.dialect
        kinds = {"n": INTEGER, "journey_id": ID, **ENTRY_KINDS}
        columns = ", ".join(dialect.quote(name) for name in ("journey_id", *ENTRY_KINDS))
        values = ", ".join(f"v.{dialect.quote(name)}" for name in ("journey_id", *ENTRY_KINDS))
        records = dialect.recordset(kinds, self.table.id_type)
        document = [
            [n, _key(self.database.id_to_sql(id)), *self._for_json(entry, ENTRY_TEXTS, ENTRY_TIMES)]
            for n, (id, entry) in enumerate(entries)
        ]
        self.database.write(
            f"INSERT INTO {self._history} ({columns}) SELECT {values} FROM {records} ORDER BY v.n",
            [json.dumps(document)],
        )

    def _for_json(self, values: Sequence[Any], texts: tuple[int, ...], times: tuple[int, ...]) -> list[Any]:
        return _prepared(values, texts, times, self.database.dialect.time_to_json)

    def _for_sql(self, values: Sequence[Any], texts: tuple[int, ...], times: tuple[int, ...]) -> list[Any]:
        return _prepared(values, texts, times, self.database.dialect.time_to_sql)


def _prepared(
    values: Sequence[Any], texts: tuple[int, ...], times: tuple[int, ...], of_time: Callable[[datetime], object]
) -> list[Any]:
    """The values as a database takes them; `texts` and `times` are the places of those that need it."""
    cleaned = list(values)
    for place in texts:
        if cleaned[place] is not None:
            cleaned[place] = clean(cleaned[place])
    for place in times:
        if cleaned[place] is not None:
            cleaned[place] = of_time(cleaned[place])
    return cleaned


def clean(text: str) -> str:
    """The text without what no database keeps: NUL and lone surrogates become U+FFFD."""
    if text.isascii():
        return text.replace("\0", "\ufffd") if "\0" in text else text
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _key(value: Any) -> object:
    return value if isinstance(value, int) else str(value)


def places(values: Sequence[object]) -> str:
    return ", ".join(["%s"] * len(values)) or "NULL"  # nothing equals NULL, and no database takes `IN ()`


def in_list(keys: Sequence[Any]) -> tuple[str, list[Any]]:
    """`IN (...)` and its parameters. Whole numbers are written out: binding hundreds of parameters costs more."""
    if keys and all(type(key) is int for key in keys):
        return f"IN ({', '.join(map(str, keys))})", []
    return f"IN ({places(keys)})", list(keys)


def among_names(names: Sequence[str]) -> tuple[str, list[object]]:
    """`IN (...)` for names that the app's code has, and its parameters: hundreds of types and steps, in each claim."""
    written_out = _written_out(tuple(names))
    return (f"IN ({written_out})", []) if written_out else (f"IN ({places(names)})", [*names])


@lru_cache(maxsize=256)
def _written_out(names: tuple[str, ...]) -> str:
    """The names as SQL has them; empty, if one of them has a letter that means something there."""
    harmless = all(_HARMLESS.fullmatch(name) for name in names)
    return ", ".join(f"'{name}'" for name in names) if harmless else ""
