"""A journey found in one of the tables, as people and programs are shown it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, NamedTuple

from stepper_motor.journeys.errors import StepperMotorError
from stepper_motor.journeys.explanation import Explanation, explain
from stepper_motor.journeys.journey import JourneyBase
from stepper_motor.journeys.row import Entry
from stepper_motor.motor.motor import Motor
from stepper_motor.motor.ports import Record, Store, Wanted

AMBIGUOUS = 10
"""Journeys of one id that are looked for; more tables than that say nothing more."""


class NotFound(StepperMotorError):
    """There is no such journey, or more than one."""


class Found(NamedTuple):
    """A journey, and the table it is in."""

    record: Record
    store: Store


class OfUnknownType(JourneyBase[Any]):
    """What this code knows of a journey whose class it does not know."""


def find(motor: Motor, id: str, type: str | None = None) -> Found:
    """The journey with this id, in whichever table it is.

    Raises:
        NotFound: there is none, or several tables have one.
    """
    found = [Found(record, store) for store in motor.stores for record in _with_id(store, id, type)]
    if not found:
        raise NotFound(f"there is no journey {id}" + (f" of type {type!r}" if type else ""))
    if len(found) > 1:
        types = " or ".join(f"--type {each.record.type}" for each in found[:AMBIGUOUS])
        raise NotFound(f"there is more than one journey {id}: say which, with {types}")
    return found[0]


def _with_id(store: Store, text: str, type: str | None) -> list[Record]:
    id = store.id_of(text)
    return [] if id is None else store.find(Wanted(id=id, type=type), 1)


def again(found: Found) -> Found | None:
    """The journey as it stands now; None: it is gone."""
    records = found.store.find(Wanted(id=found.record.id), 1)
    return Found(records[0], found.store) if records else None


def explanation(found: Found, motor: Motor, now: datetime) -> Explanation:
    """Why the journey is not moving, and what comes next. Reads none of the app's own columns."""
    record, registry = found.record, found.store.registry
    known = registry.find(record.type)
    return explain(
        record.row, (known or OfUnknownType).definition, record.created_at, now,
        unknown_step_grace=motor.unknown_step_grace, unknown_type=None if known else record.type,
    )  # fmt: skip


def hero_of(record: Record) -> str:
    """The hero in the form that `--hero` takes; empty when there is none."""
    if record.hero_id is None:
        return ""
    return f"{record.hero_type}:{record.hero_id}" if record.hero_type else record.hero_id


def as_data(record: Record) -> dict[str, Any]:
    """The row, by the names of its columns."""
    known = record._asdict()
    row, data = known.pop("row"), known.pop("data")
    return {**known, **row._asdict(), "data": json.loads(data)}


def explained_as_data(explained: Explanation) -> dict[str, Any]:
    return {**asdict(explained), "overdue": explained.overdue and explained.overdue.total_seconds()}


def entries_as_data(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    return [entry._asdict() for entry in entries]


def as_json(value: Any) -> str:
    """One line of JSON: times in UTC in the form of ISO 8601, keys that JSON has no form for as text."""
    return json.dumps(value, default=_for_json, ensure_ascii=False)


def _for_json(value: object) -> str:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)
