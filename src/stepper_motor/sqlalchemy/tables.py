"""The tables of a root: indexes and constraints whose names follow the table, and the history beside it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    DDL,
    CheckConstraint,
    Column,
    Computed,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    __version__,
    event,
    text,
)
from sqlalchemy.sql.elements import conv

from stepper_motor.journeys.row import ONGOING, State
from stepper_motor.sqlalchemy.types import BIG_KEY, LONG_TEXT, STATE, TIME, name_of_at_most

JOURNEYS, HISTORY, TICKETS = "stepper_motor_journeys", "stepper_motor_history", "stepper_motor_tickets"
ONE_TICKET = "stepper_motor_one_ticket_per_journey"
ONE_PER_HERO = "one_per_hero"
"""A generated column that is null unless the journey takes its hero's place. Nulls are distinct, so one unique
constraint over it holds the rule on every database, and finds a hero's journeys as well. No class maps it: a table that
Django made has an index over an expression in its place."""
STORAGE = {
    "fillfactor": 95, "autovacuum_vacuum_scale_factor": 0.02, "autovacuum_vacuum_threshold": 200,
    "autovacuum_vacuum_cost_delay": 1,
}  # fmt: skip
"""On PostgreSQL: room in each page for updates in place, and an eager autovacuum that keeps the due index short."""
KNOWS_STORAGE = not __version__.startswith("2.0.")
"""Whether a table can say so itself, to migrations too: SQLAlchemy 2.0 can't."""


def table_options() -> dict[str, Any]:
    """What a table of journeys is made with."""
    return {"postgresql_with": STORAGE} if KNOWS_STORAGE else {}


def storage_of(table: str) -> DDL:
    """Gives a table its storage, on PostgreSQL.

    Args:
        table: as it is written in SQL, or "%(fullname)s" where it listens to the making of one.
    """
    settings = ", ".join(f"{name} = {value}" for name, value in STORAGE.items())
    return DDL(f"ALTER TABLE {table} SET ({settings})")  # type: ignore[no-untyped-call]


def give_storage(table: Table) -> None:
    """See to it that a table that is created has its storage."""
    if not KNOWS_STORAGE:
        event.listen(table, "after_create", storage_of("%(fullname)s").execute_if(dialect="postgresql"))


def place_column() -> Column[int]:
    """The generated column of the one-per-hero rule."""
    ongoing = ", ".join(f"'{state}'" for state in sorted(ONGOING))
    taken = f"CASE WHEN state IN ({ongoing}) AND NOT allow_multiple THEN 1 END"
    return Column(ONE_PER_HERO, SmallInteger, Computed(taken, persisted=True), nullable=True)


def constraints(table: Table) -> list[CheckConstraint]:
    """What is true of every row."""
    ready = "state <> 'ready' OR next_step_to_be_performed_at IS NOT NULL"
    held = (
        "(performed_by IS NULL AND lease_expires_at IS NULL) OR "
        "(performed_by IS NOT NULL AND lease_expires_at IS NOT NULL)"
    )
    prefix = prefix_of(table.name)
    return [
        CheckConstraint(ready, name=conv(f"{prefix}_ready_is_due")),
        CheckConstraint(held, name=conv(f"{prefix}_held_has_lease")),
    ]


def one_per_hero(table: Table, hero: Sequence[str]) -> UniqueConstraint:
    """At most one ongoing journey for a hero, type and key."""
    return UniqueConstraint(*hero, "type", "key", ONE_PER_HERO, name=conv(f"{prefix_of(table.name)}_one_per_hero"))


def add_indexes(table: Table) -> None:
    """Those that find what is due, held and ended.

    MySQL and MariaDB have no partial indexes: there they cover the whole table, so what narrows them comes first.
    """
    (key,) = table.primary_key.columns
    columns, prefix = table.columns, prefix_of(table.name)
    for name, where, indexed in (
        ("due", "state = 'ready'", [columns.state, columns.next_step_to_be_performed_at, key]),
        ("held", "performed_by IS NOT NULL", [columns.performed_by]),
        ("ended", "state IN ('canceled', 'finished')", [columns.ended_at]),
    ):
        Index(conv(f"{prefix}_{name}"), *indexed, postgresql_where=text(where), sqlite_where=text(where))


def prefix_of(table: str) -> str:
    """Begins the names of a table's indexes: they are unique in a schema."""
    return "stepper_motor" if table == JOURNEYS else f"sm_{sha256(table.encode()).hexdigest()[:8]}"


def history_name(table: str) -> str:
    """What the history of a table of journeys is called."""
    return HISTORY if table == JOURNEYS else f"{table}_history"


def tickets_table(metadata: MetaData, schema: str | None) -> Table:
    """What the sweep has handed to a job queue, for all tables of journeys: see `stepper_motor.sql.tickets`."""
    found = metadata.tables.get(f"{schema}.{TICKETS}" if schema else TICKETS)
    if found is not None:
        return found
    return Table(
        TICKETS,
        metadata,
        Column("id", BIG_KEY, primary_key=True),
        Column("journeys", name_of_at_most(100), nullable=False),
        Column("journey_id", name_of_at_most(200), nullable=False),
        Column("fence", name_of_at_most(32), nullable=False),
        Column("times", Integer, nullable=False),
        Column("again_at", TIME, nullable=False),
        UniqueConstraint("journeys", "journey_id", name=conv(ONE_TICKET)),
        schema=schema,
    )


class HistoryEntry:
    """One performance of a step, or one intervention from outside. Each root has a mapped class of its own."""

    if TYPE_CHECKING:
        id: int
        journey_id: Any
        step_name: str | None
        attempt: int | None
        """Which attempt at the step, from 1; None for an intervention from outside."""
        outcome: str
        state: State
        """What the journey became."""
        reason: str | None
        error_class: str | None
        message: str | None
        traceback: str | None
        performed_by: str | None
        started_at: datetime | None
        finished_at: datetime

    @property
    def by(self) -> str | None:
        """The worker that performed, or the person or process that intervened."""
        return self.performed_by

    def __str__(self) -> str:
        attempt = f" (attempt {self.attempt})" if self.attempt else ""
        return f"{self.finished_at:%Y-%m-%d %H:%M:%S} {self.step_name}{attempt}: {self.outcome}, {self.state}"

    def __repr__(self) -> str:
        return f"<{self}>"


def history_table(journeys: Table) -> Table:
    """No foreign key: the engine deletes both in one transaction, and a check for every entry would lock the journey's
    row once more."""
    (key,) = journeys.primary_key.columns
    return Table(
        history_name(journeys.name),
        journeys.metadata,
        Column("id", BIG_KEY, primary_key=True),
        Column("journey_id", key.type, nullable=False),
        Column("step_name", name_of_at_most(200)),
        Column("attempt", Integer),
        Column("outcome", String(20), nullable=False),
        Column("state", STATE, nullable=False),
        Column("reason", LONG_TEXT),
        Column("error_class", String(200)),
        Column("message", LONG_TEXT),
        Column("traceback", LONG_TEXT),
        Column("performed_by", String(200)),
        Column("started_at", TIME),
        Column("finished_at", TIME, nullable=False),
        Index(conv(f"{prefix_of(journeys.name)}_by_journey"), "journey_id", "id"),
        schema=journeys.schema,
    )
