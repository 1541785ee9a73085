"""What PostgreSQL, MySQL/MariaDB and SQLite do differently."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

TEXT, INTEGER, TIME, ID = "text", "integer", "time", "id"
"""The kinds of values that travel to the database as one JSON document."""


class Dialect:
    """One database's way of saying things. Parameters are always `%s`."""

    name = ""
    lock = ""
    """Appended to a SELECT: lock these rows, wait for others."""
    lock_free = ""
    """Appended to a SELECT: lock these rows, pass over those that others have locked."""
    now = "%s"
    """An expression for the database's own time; `%s` where the process's time serves."""
    updates_return = True
    """Whether UPDATE ... RETURNING exists."""
    types: Mapping[str, str] = {}

    def quote(self, name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    def later(self, seconds: float) -> str:
        """The database's time, `seconds` from now."""
        raise TypeError(f"{self.name} has no clock of its own")

    def among(self, query: str) -> str:
        """A condition that a column has one of the values a query gives."""
        return f"IN ({query})"

    def time_to_sql(self, at: datetime) -> object:
        return at

    def time_from_sql(self, value: object) -> datetime:
        """A time as a driver gives it (aware, naive in UTC, or text), aware and in UTC."""
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        assert isinstance(value, datetime)
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)

    def time_to_json(self, at: datetime) -> str:
        return at.isoformat()

    def recordset(self, columns: Mapping[str, str], id_type: str) -> str:
        """A table expression over one JSON parameter, an array of arrays, one value a column."""
        raise TypeError(self.name)

    def update_from(self, table: str, key: str, records: str, columns: Mapping[str, str]) -> str:
        """UPDATE every row that has a record, setting each column to its expression."""
        setting = ", ".join(f"{self.quote(column)} = {value}" for column, value in columns.items())
        return f"UPDATE {table} AS j SET {setting} FROM {records} WHERE j.{key} = v.id"

    def is_transient(self, code: object, message: str) -> bool:
        raise TypeError(self.name)


class PostgreSQL(Dialect):
    name = "postgresql"
    # NO KEY: foreign keys to the journey, should an app have some, don't wait for it.
    lock = " FOR NO KEY UPDATE"
    lock_free = " FOR NO KEY UPDATE SKIP LOCKED"
    # A sub-select, since a bare volatile function can't bound an index scan. Never now(): it is the transaction's.
    now = "(SELECT clock_timestamp())"
    types = {TEXT: "text", INTEGER: "integer", TIME: "timestamptz"}

    def later(self, seconds: float) -> str:
        return f"clock_timestamp() + interval '{seconds:.6f} seconds'"

    def among(self, query: str) -> str:
        # An array, so that the rows are found by primary key whatever the planner believes of their number.
        return f"= ANY (ARRAY({query}))"

    def recordset(self, columns: Mapping[str, str], id_type: str) -> str:
        types = {**self.types, ID: id_type}
        values = ", ".join(
            f"(r.value ->> {n})::{types[kind]} AS {self.quote(name)}" for n, (name, kind) in enumerate(columns.items())
        )
        return f"(SELECT {values} FROM jsonb_array_elements(%s::jsonb) AS r(value)) AS v"

    def is_transient(self, code: object, message: str) -> bool:
        return code in ("40001", "40P01", "55P03")


class MySQL(Dialect):
    name = "mysql"
    lock = " FOR UPDATE"
    lock_free = " FOR UPDATE SKIP LOCKED"
    now = "UTC_TIMESTAMP(6)"
    updates_return = False
    types = {TEXT: "longtext", INTEGER: "bigint", TIME: "datetime(6)"}

    def quote(self, name: str) -> str:
        return "`" + name.replace("`", "``") + "`"

    def later(self, seconds: float) -> str:
        return f"UTC_TIMESTAMP(6) + INTERVAL {seconds:.6f} SECOND"

    def time_to_sql(self, at: datetime) -> object:
        return self.time_to_json(at)

    def time_to_json(self, at: datetime) -> str:
        return at.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")

    def recordset(self, columns: Mapping[str, str], id_type: str) -> str:
        types = {**self.types, ID: id_type}
        values = ", ".join(
            f"{self.quote(name)} {types[kind]} PATH '$[{n}]'" for n, (name, kind) in enumerate(columns.items())
        )
        return f"JSON_TABLE(%s, '$[*]' COLUMNS({values})) AS v"

    def update_from(self, table: str, key: str, records: str, columns: Mapping[str, str]) -> str:
        setting = ", ".join(f"j.{self.quote(column)} = {value}" for column, value in columns.items())
        # So and not otherwise: a plan that scans the journeys waits for the locks of rows that are not its business.
        journeys = f"{table} AS j FORCE INDEX (PRIMARY)"
        return f"UPDATE {records} STRAIGHT_JOIN {journeys} ON j.{key} = v.id SET {setting}"

    def is_transient(self, code: object, message: str) -> bool:
        return code in (1213, 1205, 1020)


class SQLite(Dialect):
    name = "sqlite"
    types = {TEXT: "", INTEGER: "", TIME: ""}

    def time_to_sql(self, at: datetime) -> object:
        return self.time_to_json(at)

    def time_to_json(self, at: datetime) -> str:
        # As Django writes it: times are compared as text, so one form must serve both.
        return str(at.astimezone(UTC).replace(tzinfo=None))

    def recordset(self, columns: Mapping[str, str], id_type: str) -> str:
        values = ", ".join(f"json_extract(r.value, '$[{n}]') AS {self.quote(name)}" for n, name in enumerate(columns))
        return f"(SELECT {values} FROM json_each(%s) AS r) AS v"

    def is_transient(self, code: object, message: str) -> bool:
        return "database is locked" in message or "database table is locked" in message
