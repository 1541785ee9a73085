"""`flask stepper-motor ...`: the commands inside a Flask app, as Flask's users call them."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING

import click
from flask.cli import FlaskGroup, with_appcontext

from stepper_motor.cli import Home, Started, add_commands, run
from stepper_motor.journeys.errors import StepperMotorError
from stepper_motor.motor.service import end_soon

if TYPE_CHECKING:
    from flask import Flask

HELP = "Performs journeys, and keeps their house."


def register(app: Flask, motor: Home, name: str = "stepper-motor") -> None:
    """Give the app the command `flask stepper-motor`, which moves the journeys of this motor.

    It runs inside the app's context. So do the steps that a worker performs in threads of its own, if the motor was
    told: `Motor(..., context=app.app_context)`.

    Args:
        name: what the command is called.
    """
    app.cli.add_command(_command(motor, name))


def _command(motor: Home, name: str) -> click.Command:
    @with_appcontext
    def call(arguments: tuple[str, ...]) -> None:
        parser = ArgumentParser(prog=f"flask {name}", description=HELP)
        add_commands(parser)
        told = parser.parse_args(arguments)
        try:
            status = run(Started(motor, _anew(arguments)), told, click.echo)
        except StepperMotorError as error:
            raise click.ClickException(str(error)) from error
        _end(status)

    # Whatever follows the name is for argparse, --help too.
    return click.Command(
        name, callback=call, params=[click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED)], help=HELP,
        add_help_option=False, context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    )  # fmt: skip


def _anew(arguments: tuple[str, ...]) -> list[str]:
    """How this program was started, up to the name of the command."""
    begin = sys.argv[1 : len(sys.argv) - len(arguments)]
    return [sys.executable, *_program(), *begin]


def _program() -> list[str]:
    spec = sys.modules["__main__"].__spec__
    if spec is not None:  # python -m
        return ["-m", spec.name.removesuffix(".__main__")]
    return ["-m", "flask"] if Path(sys.argv[0]).stem == "flask" else [sys.argv[0]]


def _end(status: int) -> None:
    root = click.get_current_context().find_root().command
    if isinstance(root, FlaskGroup):  # the command line's; a test calls the app's own group
        end_soon(status)
    sys.exit(status)
