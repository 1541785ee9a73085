"""The console script `stepper-motor`, for apps whose home brings no commands of its own."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from io import TextIOWrapper

from stepper_motor.cli.app import VARIABLE, NoApp, load_app
from stepper_motor.cli.commands import add_commands, run
from stepper_motor.cli.home import Started
from stepper_motor.journeys.errors import StepperMotorError
from stepper_motor.motor.service import end_soon

STATUSES = """exit status:
  0  all is well
  1  something was refused, not found or failed, and was said
  2  wrong arguments, or no motor where --app looks for one
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status. In Django, `manage.py stepper_motor` is the way."""
    parser = create_parser()
    told = parser.parse_args(arguments)
    if not told.app:
        parser.error(f"say where the motor is: --app myapp.motor:motor, or {VARIABLE} in the environment")
    _write_whatever_comes()
    try:
        program = Started(load_app(told.app), [sys.executable, "-m", "stepper_motor", "--app", told.app])
        status = run(program, told, print)
    except NoApp as error:
        parser.error(str(error))
    except StepperMotorError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        status = 1
    return status


def create_parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="stepper-motor", description="Performs journeys, and keeps their house.", epilog=STATUSES,
        formatter_class=RawDescriptionHelpFormatter,
    )  # fmt: skip
    given = os.environ.get(VARIABLE)
    parser.add_argument(
        "--app", default=given, metavar="MODULE:MOTOR", help=f"where the app's motor is (default: {VARIABLE})"
    )
    add_commands(parser)
    return parser


def end() -> None:
    """What the console script calls: run the command it was given, and end the process with its status."""
    status = main()
    end_soon(status)
    sys.exit(status)


def _write_whatever_comes() -> None:
    """A letter that the terminal has no form for is written as its number."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
