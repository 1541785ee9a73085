"""The tables of the journeys, for an Alembic migration that is written by hand.

    from alembic import op
    from stepper_motor.sqlalchemy import migrations

    def upgrade():
        migrations.upgrade(op, to=1)

    def downgrade():
        migrations.downgrade(op, to=0)

What `alembic revision --autogenerate` writes from the app's metadata makes the same tables and needs nothing of this
library. A version never changes once it was released: a later one says what is different.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Integer,
    SmallInteger,
    String,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.elements import conv
from sqlalchemy.types import TypeEngine

from stepper_motor.sqlalchemy.tables import JOURNEYS, TICKETS, history_name, prefix_of, storage_of
from stepper_motor.sqlalchemy.types import BIG_KEY, LONG_TEXT, TIME, name_of_at_most

if TYPE_CHECKING:
    from alembic.operations import Operations

LATEST = 1
"""The newest version of the tables."""
Key = Literal["bigint", "uuid"]


@dataclass(frozen=True)
class Place:
    """Which table of journeys a migration is about."""

    table: str
    schema: str | None
    key: Column[Any]
    hero: Sequence[Column[Any]]
    own: Sequence[Column[Any]]
    tickets: bool

    @property
    def history(self) -> str:
        return history_name(self.table)


def upgrade(
    op: Any, to: int = LATEST, *, since: int = 0, table: str = JOURNEYS, schema: str | None = None,
    key: Key | Column[Any] = "bigint", hero: Column[Any] | None = None, columns: Sequence[Column[Any]] = (),
    tickets: bool | None = None,
) -> None:  # fmt: skip
    """Bring the tables of journeys and of their history to a version.

    Args:
        op: Alembic's.
        to: the version wanted.
        since: the version they have; 0: there are none.
        table: what the table of journeys is called.
        schema: where it is, if not where the connection looks by default.
        key: the kind of primary key, or its column.
        hero: for a journey with a table of its own and a real relationship: the column of its foreign key.
        columns: for such a journey, further columns of the app's.
        tickets: whether to make the table of tickets, which all tables of journeys in a schema share: by default, along
            with `stepper_motor_journeys`.

    Raises:
        ValueError: there is no way between these versions.
    """
    place = _place(table, schema, key, hero, columns, tickets)
    for version in _versions(since, to):
        _VERSIONS[version][0](op, place)


def downgrade(
    op: Any, to: int = 0, *, since: int = LATEST, table: str = JOURNEYS, schema: str | None = None,
    tickets: bool | None = None,
) -> None:  # fmt: skip
    """Take the tables back to a version; to 0, drop them with all journeys.

    Args:
        since: the version they have.
        tickets: whether to drop the table of tickets, too; as in `upgrade`.

    Raises:
        ValueError: there is no way between these versions.
    """
    place = _place(table, schema, "bigint", None, (), tickets)
    for version in reversed(_versions(to, since)):
        _VERSIONS[version][1](op, place)


def _versions(lower: int, upper: int) -> range:
    if not 0 <= lower < upper <= LATEST:
        raise ValueError(f"there are the versions 0 (no tables) to {LATEST}, got {lower} and {upper}")
    return range(lower + 1, upper + 1)


def _place(
    table: str, schema: str | None, key: Key | Column[Any], hero: Column[Any] | None, own: Sequence[Column[Any]],
    tickets: bool | None,
) -> Place:  # fmt: skip
    kinds: dict[str, TypeEngine[Any]] = {"bigint": BIG_KEY, "uuid": Uuid()}
    if isinstance(key, str) and key not in kinds:
        raise ValueError(f"key must be 'bigint', 'uuid' or a Column, got {key!r}")
    keyed = Column("id", kinds[key], primary_key=True) if isinstance(key, str) else key
    any_hero = [Column("hero_type", name_of_at_most(100)), Column("hero_id", name_of_at_most(200))]
    with_tickets = table == JOURNEYS if tickets is None else tickets
    return Place(table, schema, keyed, any_hero if hero is None else [hero], own, with_tickets)


# -------------------------------------------------------------------------------------------------------- version 1


def _create(op: Operations, place: Place) -> None:
    prefix = prefix_of(place.table)
    op.create_table(place.table, *_columns(place), *_constraints(place, prefix), schema=place.schema)
    for name, where, indexed in (
        ("due", "state = 'ready'", ["state", "next_step_to_be_performed_at", place.key.name]),
        ("held", "performed_by IS NOT NULL", ["performed_by"]),
        ("ended", "state IN ('canceled', 'finished')", ["ended_at"]),
    ):
        op.create_index(
            conv(f"{prefix}_{name}"), place.table, indexed, schema=place.schema,
            postgresql_where=text(where), sqlite_where=text(where),
        )  # fmt: skip
    if op.get_context().dialect.name == "postgresql":
        quote = op.get_context().dialect.identifier_preparer
        schema = f"{quote.quote_schema(place.schema)}." if place.schema else ""
        op.execute(storage_of(schema + quote.quote(place.table)))
    op.create_table(place.history, *_history_columns(place), schema=place.schema)
    op.create_index(conv(f"{prefix}_by_journey"), place.history, ["journey_id", "id"], schema=place.schema)
    if place.tickets:
        op.create_table(TICKETS, *_ticket_columns(), schema=place.schema)


def _drop(op: Operations, place: Place) -> None:
    if place.tickets:
        op.drop_table(TICKETS, schema=place.schema)
    op.drop_table(place.history, schema=place.schema)
    op.drop_table(place.table, schema=place.schema)


def _columns(place: Place) -> list[Column[Any]]:
    times = ("arrived_at", "created_at", "updated_at")
    counts = ("attempts", "failures", "losses", "round", "steps_entered", "steps_completed")
    taken = "CASE WHEN state IN ('paused', 'performing', 'ready') AND NOT allow_multiple THEN 1 END"
    return [
        place.key,
        Column("next_step_to_be_performed_at", TIME),
        *(Column(name, TIME, nullable=False) for name in times),
        Column("lease_expires_at", TIME),
        Column("ended_at", TIME),
        *(Column(name, Integer, nullable=False) for name in counts),
        Column("allow_multiple", Boolean, nullable=False),
        Column("state", String(10), nullable=False),
        Column("fence", name_of_at_most(32), nullable=False),
        Column("type", name_of_at_most(100), nullable=False),
        *place.hero,
        Column("key", name_of_at_most(100), nullable=False),
        Column("next_step_name", name_of_at_most(200)),
        Column("previous_step_name", name_of_at_most(200)),
        Column("performed_by", String(100)),
        Column("reason", LONG_TEXT),
        Column("data", JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        Column("one_per_hero", SmallInteger, Computed(taken, persisted=True)),
        *place.own,
    ]


def _constraints(place: Place, prefix: str) -> list[CheckConstraint | UniqueConstraint]:
    ready = "state <> 'ready' OR next_step_to_be_performed_at IS NOT NULL"
    held = (
        "(performed_by IS NULL AND lease_expires_at IS NULL) OR "
        "(performed_by IS NOT NULL AND lease_expires_at IS NOT NULL)"
    )
    unique = [*(column.name for column in place.hero), "type", "key", "one_per_hero"]
    return [
        CheckConstraint(ready, name=conv(f"{prefix}_ready_is_due")),
        CheckConstraint(held, name=conv(f"{prefix}_held_has_lease")),
        UniqueConstraint(*unique, name=conv(f"{prefix}_one_per_hero")),
    ]


def _history_columns(place: Place) -> list[Column[Any]]:
    return [
        Column("id", BIG_KEY, primary_key=True),
        Column("journey_id", place.key.type, nullable=False),
        Column("step_name", name_of_at_most(200)),
        Column("attempt", Integer),
        Column("outcome", String(20), nullable=False),
        Column("state", String(10), nullable=False),
        Column("reason", LONG_TEXT),
        Column("error_class", String(200)),
        Column("message", LONG_TEXT),
        Column("traceback", LONG_TEXT),
        Column("performed_by", String(200)),
        Column("started_at", TIME),
        Column("finished_at", TIME, nullable=False),
    ]


def _ticket_columns() -> list[Column[Any] | UniqueConstraint]:
    return [
        Column("id", BIG_KEY, primary_key=True),
        Column("journeys", name_of_at_most(100), nullable=False),
        Column("journey_id", name_of_at_most(200), nullable=False),
        Column("fence", name_of_at_most(32), nullable=False),
        Column("times", Integer, nullable=False),
        Column("again_at", TIME, nullable=False),
        UniqueConstraint("journeys", "journey_id", name=conv("stepper_motor_one_ticket_per_journey")),
    ]


_VERSIONS: dict[int, tuple[Callable[[Operations, Place], None], Callable[[Operations, Place], None]]] = {
    1: (_create, _drop)
}
"""How to come to each version from the one before it, and back."""
