"""`show`: everything about one journey: where it is, how it got there, and what comes next."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Sequence
from datetime import datetime

from stepper_motor.cli.arguments import Subcommands, count
from stepper_motor.cli.home import Program, Write
from stepper_motor.cli.output import in_columns, plain
from stepper_motor.cli.records import (
    Found,
    as_data,
    as_json,
    entries_as_data,
    explained_as_data,
    explanation,
    find,
    hero_of,
)
from stepper_motor.journeys.row import Entry
from stepper_motor.journeys.wording import clock

ENTRIES = 50
HEADER = ("FINISHED", "STEP", "ATTEMPT", "OUTCOME", "STATE", "BY", "REASON")
COLUMNS = (
    "previous_step_name", "next_step_name", "next_step_to_be_performed_at", "attempts", "failures", "losses", "round",
    "steps_entered", "steps_completed", "fence", "arrived_at", "performed_by", "lease_expires_at", "created_at",
    "updated_at", "ended_at", "data",
)  # fmt: skip
"""What is shown of the row beside what heads it, in this order."""


def add(commands: Subcommands) -> None:
    parser = commands.add_parser("show", help="show a journey: where it is, how it got there, what comes next")
    parser.add_argument("id", metavar="ID")
    parser.add_argument("--type", metavar="TYPE", help="its type, where several tables have such an id")
    parser.add_argument("--entries", type=count, default=ENTRIES, metavar="N", help="of its history, the last so many")
    parser.add_argument("--json", action="store_true", help="one JSON object")


def show(program: Program, told: Namespace, write: Write) -> int:
    motor = program.motor(None)
    found = find(motor, told.id, told.type)
    explained = explanation(found, motor, motor.now())
    entries = found.store.entries(found.record.id, told.entries)
    if told.json:
        history = entries_as_data(entries)
        write(as_json({**as_data(found.record), "explanation": explained_as_data(explained), "history": history}))
        return 0
    for line in (*_heading(found), plain(explained.why), plain(explained.next), "", *_row(found), *_history(entries)):
        write(line)
    return 0


def _heading(found: Found) -> Iterator[str]:
    record = found.record
    hero, key = plain(hero_of(record)), plain(record.key)
    yield f"{plain(record.type)} {record.id} ({record.row.state.value})"
    if hero or key:
        yield " ".join(filter(None, (f"for {hero}" if hero else "", f"with the key {key!r}" if key else "")))


def _row(found: Found) -> list[str]:
    known = as_data(found.record)
    shown = [(name, _shown(known[name])) for name in COLUMNS if known[name] not in (None, {}, "")]
    return in_columns(shown)


def _shown(value: object) -> str:
    if isinstance(value, datetime):
        return clock(value)
    return plain(value if isinstance(value, str) else as_json(value))


def _history(entries: Sequence[Entry]) -> Iterator[str]:
    yield ""
    yield from in_columns(list(map(_cells, entries)), HEADER) if entries else ["Nothing has happened to it yet."]


def _cells(entry: Entry) -> Sequence[str]:
    attempt = "" if entry.attempt is None else str(entry.attempt)
    return (
        clock(entry.finished_at), plain(entry.step_name), attempt, plain(entry.outcome), entry.state.value,
        plain(entry.by), _reason(entry),
    )  # fmt: skip


def _reason(entry: Entry) -> str:
    error = f"{plain(entry.error_class)}: {plain(entry.message)}" if entry.error_class else ""
    return "; ".join(filter(None, (plain(entry.reason), error)))
