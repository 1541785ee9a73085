"""Which commands there are, and the one place where they are run.

Exit status: 0, all is well; 1, something was refused, not found or failed, and was said; 2, wrong arguments.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping

from stepper_motor.cli import definitions, intervening, listing, performing, showing, working
from stepper_motor.cli.home import Program, Write
from stepper_motor.cli.output import heard

Command = Callable[[Program, Namespace, Write], int]
COMMANDS: dict[str, Command] = {
    "worker": working.work,
    "housekeep": working.housekeep,
    "doctor": working.doctor,
    "list": listing.show_list,
    "show": showing.show,
    **dict.fromkeys(intervening.VERBS, intervening.intervene),
    "perform": performing.perform,
    "types": definitions.types,
    "diagram": definitions.diagram,
}


def add_commands(parser: ArgumentParser) -> None:
    """Declare the commands and their options."""
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in (working, listing, showing, intervening, performing, definitions):
        module.add(commands)


def run(program: Program, options: Namespace | Mapping[str, object], write: Write) -> int:
    """Run the command that was asked for; returns the exit status.

    Raises:
        StepperMotorError: what was asked for is not there, or can't be; the message is for the person who asked.
    """
    told = options if isinstance(options, Namespace) else Namespace(**options)
    with heard(write) as written:
        return COMMANDS[told.command](program, told, written)
