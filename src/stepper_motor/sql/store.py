"""The `Store` of one table, on whatever runs its statements.

Order of locks: journeys by id, then their history. A statement that locks many rows passes over those that others have
locked, so that no transaction of the engine that holds journey rows ever waits for another (DESIGN 8.1 and 8.5).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from stepper_motor.journeys import lifecycle
from stepper_motor.journeys.errors import AlreadyOnJourney
from stepper_motor.journeys.outcomes import Completed, Skipped
from stepper_motor.journeys.row import Entry, Row, State, Transition
from stepper_motor.motor import clock
from stepper_motor.motor.fences import new_fence
from stepper_motor.motor.ports import (
    Claim,
    Decide,
    Expired,
    Holding,
    JourneyId,
    Kind,
    NoSuchRow,
    Renewed,
    Settled,
    Settlement,
)
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
_TIMES = tuple(n for n, kind in enumerate(ROW_KINDS.values()) if kind is TIME)
_FREE_TEXTS = (tuple(ROW_KINDS).index("reason"),)
"""Where texts stand that people or exceptions wrote, and that a database may refuse."""
_ENTRY_TEXTS = tuple(n for n, kind in enumerate(ENTRY_KINDS.values()) if kind is TEXT)
_ENTRY_TIMES = tuple(n for n, kind in enumerate(ENTRY_KINDS.values()) if kind is TIME)

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

    def id_to_sql(self, id: JourneyId) -> Any: ...

    def id_from_sql(self, value: Any) -> JourneyId: ...

    def write_own(self, id: JourneyId, own: Any) -> None:
        """Write the app's own columns of a journey through the ORM."""


class SqlStore:
    """Claims, settles, renews, recovers and deletes rows with statements of its own."""

    def __init__(self, table: Table, database: Database, registry: Registry, settings: Settings) -> None:
        self.table = table
        self.database = database
        self.registry = registry
        self.settings = settings
        quote = database.dialect.quote
        self._journeys, self._history, self._key = quote(table.journeys), quote(table.history), quote(table.key)
        self._columns = ", ".join(quote(name) for name in ROW_KINDS)

    # ------------------------------------------------------------------------------------------- claiming

    def claim_due(
        self, limit: int, holder: str, not_before: datetime | None = None, kind: Kind = "any"
    ) -> list[Claim]:
        if not self.registry.positions(kind):
            return []
        due = self._due(limit, not_before, kind)
        returning = self.database.dialect.updates_return
        rows = self._claim_returning(due, holder) if returning else self._claim_locking(due, holder)
        from_sql = self.database.dialect.time_from_sql
        claims = [Claim(self.database.id_from_sql(id), from_sql(due), from_sql(now)) for id, due, now in rows]
        return sorted(claims, key=lambda claim: claim.due)

    def _claim_returning(self, query: tuple[str, list[object]], holder: str) -> list[tuple[Any, ...]]:
        due, due_params = query
        lease, lease_params = self._lease()
        now, now_params = self._now()
        return self.database.execute(
            f"WITH due AS MATERIALIZED ({due}) UPDATE {self._journeys} AS j SET state = 'performing', "
            f"performed_by = %s, lease_expires_at = {lease}, updated_at = {now} "
            f"WHERE j.{self._key} {self.database.dialect.among('SELECT due_id FROM due')} "
            f"RETURNING {self._key}, {DUE}, {now}",
            [*due_params, holder, *lease_params, *now_params, *now_params],
        )

    def _claim_locking(self, query: tuple[str, list[object]], holder: str) -> list[tuple[Any, ...]]:
        due, due_params = query
        lease, lease_params = self._lease()
        now, now_params = self._now()
        with self.database.transaction():
            rows = self.database.execute(due, due_params)
            if rows:
                among, ids = in_list([row[0] for row in rows])
                self.database.write(
                    f"UPDATE {self._journeys} AS j SET state = 'performing', performed_by = %s, "
                    f"lease_expires_at = {lease}, updated_at = {now} WHERE {self._key} {among}",
                    [holder, *lease_params, *now_params, *ids],
                )
        return rows

    def _due(self, limit: int, not_before: datetime | None, kind: Kind) -> tuple[str, list[object]]:
        """The oldest due rows that this process can perform, or has to pause since nobody seems to know them."""
        dialect = self.database.dialect
        now, now_params = self._now()
        known, known_params = self._known(kind)
        since, since_params = "", []
        if not_before is not None:
            since, since_params = f" AND {DUE} >= %s", [dialect.time_to_sql(not_before)]
        return (
            f"SELECT {self._key} AS due_id, {DUE} AS due_at, {now} AS due_now FROM {self._journeys} "
            f"WHERE state = 'ready' AND {DUE} <= {now}{since} AND {known} ORDER BY {DUE}, {self._key} "
            f"LIMIT {int(limit)}{dialect.lock_free}",
            [*now_params, *now_params, *since_params, *known_params],
        )

    def _known(self, kind: Kind) -> tuple[str, list[object]]:
        positions, types = self.registry.positions(kind), self.registry.types
        if kind == "async":
            return f"{self._position()} IN ({_places(positions)})", [*positions]
        grace, grace_params = self._now(-self.settings.unknown_step_grace)
        return (
            f"({self._position()} IN ({_places(positions)}) "
            f"OR (type IN ({_places(types)}) AND {DUE} <= {grace}))",
            [*positions, *types, *grace_params],
        )

    def _position(self) -> str:
        step = f"COALESCE({NEXT}, '')"
        if self.database.dialect.name == "mysql":
            return f"CONCAT(type, '{SEPARATOR}', {step})"
        return f"type || '{SEPARATOR}' || {step}"

    def _lease(self) -> tuple[str, list[object]]:
        """When a lease taken now is over, by the class of the row."""
        otherwise, params = self._now(self.settings.lease)
        own = self.registry.leases()
        if not own:
            return otherwise, params
        cases, case_params = "", []
        for type_name, lease in own.items():
            until, until_params = self._now(lease)
            cases += f" WHEN %s THEN {until}"
            case_params += [type_name, *until_params]
        return f"CASE j.type{cases} ELSE {otherwise} END", [*case_params, *params]

    def claim(self, id: JourneyId, fence: str | None, holder: str) -> Claim | None:
        with self.database.transaction():
            found = self._locked([id], wait=True).get(id)
            if found is None or found.performed_by is not None:
                return None
            now = self.now()
            if not lifecycle.claimable(found, now, fence):
                return None
            lease = self._lease_of(id)
            self._write({id: lifecycle.claim(found, holder, now + self.real(lease), now)})
        assert found.next_step_to_be_performed_at is not None
        return Claim(id, found.next_step_to_be_performed_at, now)

    def claimed_by(self, holder: str) -> list[Claim]:
        now, now_params = self._now()
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
        if not len(self.registry):
            return None
        positions = self.registry.positions()
        now, now_params = self._now()
        rows = self.database.execute(
            f"SELECT {DUE}, {now} FROM {self._journeys} WHERE state = 'ready' AND {self._position()} "
            f"IN ({_places(positions)}) ORDER BY {DUE}, {self._key} LIMIT 1",
            [*now_params, *positions],
        )
        from_sql = self.database.dialect.time_from_sql
        return (from_sql(rows[0][0]), from_sql(rows[0][1])) if rows else None

    # ------------------------------------------------------------------------------------------- settling

    def settle(self, batch: Sequence[Settlement], *, patient: bool = False) -> Settled:
        with self.database.transaction():
            if patient:
                self.database.be_patient()
            rows = self._locked_held({settlement.id: settlement.row for settlement in batch}, wait=patient)
            missing = [settlement for settlement in batch if settlement.id not in rows]
            there = self._existing([settlement.id for settlement in missing]) if missing and not patient else set()
            done: dict[JourneyId, Transition | None] = {s.id: None for s in missing if s.id not in there}
            to_write, written = [], []
            for settlement in batch:
                row = rows.get(settlement.id)
                if row is not None and _was_written(row, settlement):
                    written.append(settlement)
                elif row is not None:
                    done[settlement.id] = transition = _settled(row, settlement)
                    if transition:
                        to_write.append((settlement, transition))
            self._write_settled(to_write)
            done.update(self._recognised(written))
        return Settled(done, [settlement for settlement in missing if settlement.id in there])

    def _write_settled(self, settled: list[tuple[Settlement, Transition]]) -> None:
        plain = {s.id: t.row for s, t in settled if s.data is None}
        with_data = {s.id: t.row for s, t in settled if s.data is not None}
        self._write(plain)
        self._write(with_data, {s.id: s.data for s, _ in settled if s.data is not None})
        for settlement, _ in settled:
            if settlement.own:
                self.database.write_own(settlement.id, settlement.own)
        self._tell([(s.id, entry) for s, t in settled for entry in t.entries])

    def _recognised(self, written: list[Settlement]) -> dict[JourneyId, Transition | None]:
        """What these settlements came to when they were written: only the answer of that commit was lost."""
        rows = self._locked([settlement.id for settlement in written], wait=True) if written else {}
        return {settlement.id: _as_written(rows[settlement.id], settlement) for settlement in written}

    def hand_back(self, holdings: Sequence[Holding], holder: str) -> dict[JourneyId, Row]:
        now = self.now()
        with self.database.transaction():
            rows = self._locked([holding.id for holding in holdings], wait=False)
            mine = {h.id: rows[h.id] for h in holdings if _holds(rows.get(h.id), h, holder)}
            freed = {id: lifecycle.hand_back(row, now, new_fence()) for id, row in mine.items()}
            self._write(freed)
        return freed

    def renew(
        self, holdings: Sequence[Holding], holder: str, lease: timedelta, *, patience: float = 0.0
    ) -> Renewed:
        until, params = self._now(lease)
        with self.database.transaction():
            if patience:
                self.database.be_patient(patience)
            rows = self._locked([holding.id for holding in holdings], wait=bool(patience))
            missing = [holding for holding in holdings if holding.id not in rows]
            there = self._existing([holding.id for holding in missing]) if missing and not patience else set()
            ids = [self.database.id_to_sql(h.id) for h in holdings if _holds(rows.get(h.id), h, holder)]
            if ids:
                among, ids = in_list(ids)
                self.database.write(
                    f"UPDATE {self._journeys} SET lease_expires_at = {until} WHERE {self._key} {among}",
                    [*params, *ids],
                )
        gone = {h.id for h in holdings if h.id in rows and not _holds(rows[h.id], h, holder)}
        gone |= {holding.id for holding in missing if holding.id not in there}
        return Renewed(gone, there)

    # --------------------------------------------------------------------------------------- housekeeping

    def expired(self, limit: int, after: JourneyId | None = None) -> list[Expired]:
        types = self.registry.types
        if not types:
            return []
        now, now_params = self._now()
        page, page_params = "", []
        if after is not None:
            page, page_params = f" AND {self._key} > %s", [self.database.id_to_sql(after)]
        rows = self.database.execute(
            f"SELECT {self._key}, type, {NEXT}, fence, lease_expires_at FROM {self._journeys} "
            f"WHERE performed_by IS NOT NULL AND lease_expires_at <= {now} AND type IN ({_places(types)}){page} "
            f"ORDER BY {self._key} LIMIT {int(limit)}",
            [*now_params, *types, *page_params],
        )
        from_sql = self.database.dialect.time_from_sql
        return [Expired(self.database.id_from_sql(id), type, step, fence, from_sql(lease))
                for id, type, step, fence, lease in rows]  # fmt: skip

    def delete_ended(self, types: Iterable[str], before: datetime, limit: int) -> int:
        names = list(types)
        if not names:
            return 0
        with self.database.transaction():
            rows = self.database.execute(
                f"SELECT {self._key} FROM {self._journeys} WHERE state IN ('finished', 'canceled') "
                f"AND ended_at <= %s AND performed_by IS NULL AND type IN ({_places(names)}) "
                f"ORDER BY {self._key} LIMIT {int(limit)}{self.database.dialect.lock_free}",
                [self.database.dialect.time_to_sql(before), *names],
            )
            if rows:
                among, ids = in_list([row[0] for row in rows])
                self.database.write(f"DELETE FROM {self._history} WHERE journey_id {among}", ids)
                self.database.write(f"DELETE FROM {self._journeys} WHERE {self._key} {among}", ids)
        return len(rows)

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
                self._write({id: transition.row for id, transition in changed.items()})
                self._tell([(id, entry) for id, t in changed.items() for entry in t.entries])
        except Exception as error:
            if self.database.is_conflict(error):
                raise AlreadyOnJourney("the hero is on another journey of this class and key") from error
            raise
        return results

    def _decided(
        self, decisions: Mapping[JourneyId, Decide], *, wait: bool
    ) -> dict[JourneyId, Transition | Exception]:
        rows, now = self._locked(list(decisions), wait=wait), self.now()
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
            self._tell([(id, entry)])

    def now(self) -> datetime:
        dialect, installed = self.database.dialect, clock.installed()
        if installed.replaces_database or dialect.now == "%s":
            return installed.now()
        return dialect.time_from_sql(self.database.execute(f"SELECT {dialect.now}")[0][0])

    def real(self, duration: timedelta) -> timedelta:
        """What a duration of real time is on the library's clock."""
        return duration * clock.installed().speed

    # ------------------------------------------------------------------------------------------ statements

    def _now(self, plus: timedelta | None = None) -> tuple[str, list[object]]:
        """An expression for the time, now or a real duration from now, and its parameters."""
        dialect, installed = self.database.dialect, clock.installed()
        if installed.replaces_database or dialect.now == "%s":
            at = installed.now() + (self.real(plus) if plus else timedelta())
            return "%s", [dialect.time_to_sql(at)]
        return (f"({dialect.later(plus.total_seconds())})" if plus else dialect.now), []

    def _locked(self, ids: Iterable[JourneyId], *, wait: bool) -> dict[JourneyId, Row]:
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

    def _locked_held(self, before: Mapping[JourneyId, Row], *, wait: bool) -> dict[JourneyId, Row]:
        """Rows that performances hold, locked: what cannot have changed since is taken from `before`."""
        names = ("state", "fence", "performed_by", "reason", "ended_at")
        rows = self._lock(before, ", ".join(self.database.dialect.quote(name) for name in names), wait=wait)
        from_sql = self.database.dialect.time_from_sql
        return {
            id: before[id]._replace(
                state=_STATES[state], fence=fence, performed_by=by, reason=reason,
                ended_at=None if ended is None else from_sql(ended),
            )
            for id, (state, fence, by, reason, ended) in rows.items()
        }  # fmt: skip

    def _existing(self, ids: Sequence[JourneyId]) -> set[JourneyId]:
        among, keys = in_list([self.database.id_to_sql(id) for id in ids])
        rows = self.database.execute(f"SELECT {self._key} FROM {self._journeys} WHERE {self._key} {among}", keys)
        return {self.database.id_from_sql(key) for (key,) in rows}

    def _row(self, values: list[Any]) -> Row:
        from_sql = self.database.dialect.time_from_sql
        for place in _TIMES:
            if values[place] is not None:
                values[place] = from_sql(values[place])
        values[0] = State(values[0])
        return Row._make(values)

    def _write(self, rows: dict[JourneyId, Row], data: dict[JourneyId, str | None] | None = None) -> None:
        if not rows:
            return
        database, dialect = self.database, self.database.dialect
        kinds = {"id": ID, **ROW_KINDS, **({"data": TEXT} if data else {})}
        columns = {name: f"v.{dialect.quote(name)}" for name in ROW_KINDS}
        if data:
            columns["data"] = "v.data::jsonb" if dialect.name == "postgresql" else "v.data"
        records = dialect.recordset(kinds, self.table.id_type)
        document = [
            [_key(database.id_to_sql(id)), *self._for_json(row, _FREE_TEXTS, _TIMES), *([data[id]] if data else ())]
            for id, row in sorted(rows.items(), key=lambda item: database.id_to_sql(item[0]))
        ]
        database.write(dialect.update_from(self._journeys, self._key, records, columns), [json.dumps(document)])

    def _tell(self, entries: Sequence[tuple[JourneyId, Entry]]) -> None:
        if not entries:
            return
        dialect = self.database.dialect
        kinds = {"n": INTEGER, "journey_id": ID, **ENTRY_KINDS}
        columns = ", ".join(dialect.quote(name) for name in ("journey_id", *ENTRY_KINDS))
        values = ", ".join(f"v.{dialect.quote(name)}" for name in ("journey_id", *ENTRY_KINDS))
        records = dialect.recordset(kinds, self.table.id_type)
        document = [
            [n, _key(self.database.id_to_sql(id)), *self._for_json(entry, _ENTRY_TEXTS, _ENTRY_TIMES)]
            for n, (id, entry) in enumerate(entries)
        ]
        self.database.write(
            f"INSERT INTO {self._history} ({columns}) SELECT {values} FROM {records} ORDER BY v.n",
            [json.dumps(document)],
        )

    def _for_json(self, values: Sequence[Any], texts: tuple[int, ...], times: tuple[int, ...]) -> list[Any]:
        cleaned, to_json = list(values), self.database.dialect.time_to_json
        for place in texts:
            if cleaned[place] is not None:
                cleaned[place] = clean(cleaned[place])
        for place in times:
            if cleaned[place] is not None:
                cleaned[place] = to_json(cleaned[place])
        return cleaned


def clean(text: str) -> str:
    """The text without what no database keeps: NUL and lone surrogates become U+FFFD."""
    if text.isascii():
        return text.replace("\0", "\ufffd") if "\0" in text else text
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _was_written(row: Row, settlement: Settlement) -> bool:
    return row.fence == settlement.new_fence or (row.fence == settlement.fence and row.performed_by is None)


def _as_written(row: Row, settlement: Settlement) -> Transition:
    """The row as it stands now, unless somebody has claimed it since: then as the settlement left it."""
    then = _transition(settlement.row, settlement)
    return then if row.held and not then.row.held else Transition(row)


def _settled(row: Row, settlement: Settlement) -> Transition | None:
    """None: the performer does not hold the row any more."""
    if row.fence != settlement.fence or row.performed_by != settlement.holder:
        return None
    return _transition(row, settlement)


def _transition(row: Row, settlement: Settlement) -> Transition:
    transition = lifecycle.settle(row, settlement.ending, settlement.now, settlement.new_fence)
    if _runs_on(transition.row, settlement):
        assert settlement.run_on_lease
        row_on = lifecycle.run_on(transition.row, settlement.holder, settlement.run_on_lease, row)
        transition = Transition(row_on, (transition.entries[0]._replace(state=State.PERFORMING),))
    return transition


def _runs_on(after: Row, settlement: Settlement) -> bool:
    due = after.next_step_to_be_performed_at
    return (
        settlement.run_on_lease is not None
        and after.state is State.READY
        and isinstance(settlement.ending.outcome, Completed | Skipped)
        and due is not None
        and due <= settlement.now
    )


def _holds(row: Row | None, holding: Holding, holder: str) -> bool:
    return row is not None and row.fence == holding.fence and row.performed_by == holder


def _key(value: Any) -> object:
    return value if isinstance(value, int) else str(value)


def _places(values: Sequence[object]) -> str:
    return ", ".join(["%s"] * len(values))


def in_list(keys: Sequence[Any]) -> tuple[str, list[Any]]:
    """`IN (...)` and its parameters. Whole numbers are written out: binding hundreds of parameters costs more."""
    if all(type(key) is int for key in keys):
        return f"IN ({', '.join(map(str, keys))})", []
    return f"IN ({_places(keys)})", list(keys)
