"""`perform`: the next step of a journey, now and here."""

from __future__ import annotations

from argparse import Namespace

from stepper_motor.cli.arguments import Subcommands
from stepper_motor.cli.home import Program, Write
from stepper_motor.cli.output import plain
from stepper_motor.cli.records import again, explanation, find
from stepper_motor.journeys.outcomes import Failed, Outcome
from stepper_motor.journeys.wording import text_of


def add(commands: Subcommands) -> None:
    parser = commands.add_parser("perform", help="perform the next step of a journey, if it is due, here and now")
    parser.add_argument("id", metavar="ID")
    parser.add_argument("--type", metavar="TYPE", help="its type, where several tables have such an id")


def perform(program: Program, told: Namespace, write: Write) -> int:
    motor = program.motor(None)
    found = find(motor, told.id, told.type)
    outcome = motor.attempt_in(found.store, found.record.id)
    now = again(found)
    stands = plain(str(explanation(now, motor, motor.now()))) if now else "It is deleted."
    write(f"{told.id}: {_told(found.record.row.next_step_name, outcome)} {stands}")
    return 1 if outcome is None or isinstance(outcome, Failed) else 0


def _told(step: str | None, outcome: Outcome | None) -> str:
    if outcome is None:
        return "Nothing was performed."
    if isinstance(outcome, Failed):
        return f"Step {step!r} failed: {type(outcome.error).__name__}: {plain(text_of(outcome.error))}."
    return f"Step {step!r}: {outcome.name}."
