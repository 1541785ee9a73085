"""What PostgreSQL, MySQL/MariaDB and SQLite do differently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

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
    given_time = "%s"
    """A parameter that is a time, where nothing else in the statement says so."""
    updates_return = True
    """Whether UPDATE ... RETURNING exists."""
    chains_writes = False
    """Whether one statement can update one table and insert into another."""
    text = "text"
    """What a CAST to text of any length is called."""
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

    def text_of(self, column: str) -> str:
        """A column of whatever type as text, its case significant."""
        return f"CAST({column} AS {self.text})"

    def apart(self, later: str, earlier: str, by: timedelta) -> str:
        """A condition that one time is later than another by more than this."""
        return f"{later} > {earlier} + interval '{by.total_seconds():.6f} seconds'"

    def upsert(self, table: str, key: Sequence[str], columns: Mapping[str, str]) -> str:
        """INSERT the records of one JSON parameter; where a row with this key is there, update it."""
        names = ", ".join(self.quote(name) for name in columns)
        values = ", ".join(f"v.{self.quote(name)}" for name in columns)
        records = self.recordset(columns, "")
        inserting = f"INSERT INTO {table} ({names}) SELECT {values} FROM {records} WHERE 1 = 1"
        return f"{inserting} {self._or_update(key, columns)}"

    def _or_update(self, key: Sequence[str], columns: Mapping[str, str]) -> str:
        setting = ", ".join(f"{self.quote(name)} = excluded.{self.quote(name)}" for name in columns if name not in key)
        return f"ON CONFLICT ({', '.join(self.quote(name) for name in key)}) DO UPDATE SET {setting}"

    def is_transient(self, code: object, message: str) -> bool:
        """A deadlock, a serialization failure, a busy database."""
        raise TypeError(self.name)

    def is_away(self, code: object, message: str) -> bool:
        """Whether the server, or the way to it, is gone for now."""
        raise TypeError(self.name)


class PostgreSQL(Dialect):
    name = "postgresql"
    chains_writes = True
    # NO KEY: foreign keys to the journey, should an app have some, don't wait for it.
    lock = " FOR NO KEY UPDATE"
    lock_free = " FOR NO KEY UPDATE SKIP LOCKED"
    # A sub-select, since a bare volatile function can't bound an index scan. Never now(): it is the transaction's.
    now = "(SELECT clock_timestamp())"
    given_time = "%s::timestamptz"
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

    def is_away(self, code: object, message: str) -> bool:
        # No SQLSTATE, no connection, no resources, shut down, a system error; 25006: it has become a standby.
        return code is None or code == "25006" or str(code)[:2] in ("08", "53", "57", "58")


class MySQL(Dialect):
    name = "mysql"
    lock = " FOR UPDATE"
    lock_free = " FOR UPDATE SKIP LOCKED"
    now = "UTC_TIMESTAMP(6)"
    updates_return = False
    text = "char"
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

    def text_of(self, column: str) -> str:
        return f"CONVERT(CAST({column} AS CHAR) USING utf8mb4) COLLATE utf8mb4_bin"

    def apart(self, later: str, earlier: str, by: timedelta) -> str:
        return f"{later} > {earlier} + INTERVAL {by.total_seconds():.6f} SECOND"

    def _or_update(self, key: Sequence[str], columns: Mapping[str, str]) -> str:
        setting = ", ".join(f"{self.quote(name)} = VALUES({self.quote(name)})" for name in columns if name not in key)
        return f"ON DUPLICATE KEY UPDATE {setting}"

    def is_transient(self, code: object, message: str) -> bool:
        return code in (1213, 1205, 1020)

    def is_away(self, code: object, message: str) -> bool:
        return code in _MYSQL_AWAY


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

    def apart(self, later: str, earlier: str, by: timedelta) -> str:
        return f"julianday({later}) - julianday({earlier}) > {by.total_seconds() / 86400:.9f}"

    def is_transient(self, code: object, message: str) -> bool:
        return "database is locked" in message or "database table is locked" in message

    def is_away(self, code: object, message: str) -> bool:
        return any(words in message for words in _SQLITE_AWAY)


_MYSQL_AWAY = (
    0, 1021, 1037, 1038, 1040, 1041, 1053, 1077, 1079, 1203, 1226, 1290, 1836, 1927,
    2002, 2003, 2006, 2013, 2014, 2055, 4031,
)  # fmt: skip
_SQLITE_AWAY = ("disk I/O error", "disk is full", "unable to open database", "readonly database")
