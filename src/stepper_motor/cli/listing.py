"""`list`: the journeys there are, narrowed as one likes."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from datetime import datetime

from stepper_motor.cli.arguments import Subcommands, count, hero
from stepper_motor.cli.home import Program, Write
from stepper_motor.cli.output import in_columns, plain
from stepper_motor.cli.records import Found, as_data, as_json, hero_of
from stepper_motor.journeys.row import State
from stepper_motor.journeys.wording import away, clock
from stepper_motor.motor.motor import Motor
from stepper_motor.motor.ports import Wanted

LIMIT = 50
REASON_LIMIT = 60
"""Characters of a reason that a line of the list shows."""
HEADER = ("ID", "TYPE", "HERO", "STATE", "STEP", "DUE", "", "REASON")


def add(commands: Subcommands) -> None:
    parser = commands.add_parser("list", help="list journeys, the newest first")
    parser.add_argument("--type", metavar="TYPE", help="of this journey type")
    parser.add_argument("--state", choices=[state.value for state in State], help="in this state")
    parser.add_argument("--step", metavar="STEP", help="whose next step this is")
    parser.add_argument("--hero", type=hero, metavar="TYPE:ID", help="of this hero: its table and key, or its key")
    parser.add_argument("--due", action="store_true", help="ready and due: not yet taken by a worker")
    parser.add_argument("--order", choices=["newest", "due"], help="newest first, or soonest due (default with --due)")
    parser.add_argument("--limit", type=count, default=LIMIT, metavar="N", help=f"at most so many (default: {LIMIT})")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def show_list(program: Program, told: Namespace, write: Write) -> int:
    motor = program.motor(None)
    found = find_all(motor, wanted(told), told.limit)
    if told.json:
        for each in found:
            write(as_json(as_data(each.record)))
        return 0
    lines = in_columns([_cells(each, motor.now()) for each in found], HEADER)
    for line in lines if found else ["No journeys."]:
        write(line)
    if len(found) == told.limit:
        write(f"There may be more: --limit is {told.limit}.")
    return 0


def wanted(told: Namespace) -> Wanted:
    hero_type, hero_id = told.hero or (None, None)
    return Wanted(
        type=told.type, state=State(told.state) if told.state else None, step=told.step, hero_type=hero_type,
        hero_id=hero_id, overdue=told.due, soonest_first=(told.order or ("due" if told.due else "newest")) == "due",
    )  # fmt: skip


def find_all(motor: Motor, wanted: Wanted, limit: int) -> list[Found]:
    """What is wanted of all tables together, in its order."""
    found = [Found(record, store) for store in motor.stores for record in store.find(wanted, limit)]
    if len(motor.stores) > 1 and wanted.soonest_first:
        found.sort(key=lambda each: each.record.row.next_step_to_be_performed_at or each.record.created_at)
    elif len(motor.stores) > 1:
        found.sort(key=lambda each: each.record.created_at, reverse=True)
    return found[:limit]


def _cells(found: Found, now: datetime) -> Sequence[str]:
    record = found.record
    row, due = record.row, record.row.next_step_to_be_performed_at
    waits = due is not None and row.state.ongoing
    return (
        str(record.id), plain(record.type), plain(hero_of(record)), row.state.value, plain(row.next_step_name),
        clock(due) if due and waits else "", away(due, now) if due and waits else "", plain(row.reason, REASON_LIMIT),
    )  # fmt: skip
