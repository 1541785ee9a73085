"""A command, run in the test's own process, on the motor of the home in which the tests run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from stepper_motor import StepperMotorError, cli
from stepper_motor.cli.console import create_parser
from stepper_motor.motor.motor import Motor
from stepper_motor.motor.worker import Worker
from tests.home import motor


def run(*arguments: object) -> tuple[int, list[str]]:
    """The exit status of a command, and the lines it wrote; what is wrong with it is the last."""
    told = create_parser().parse_args([str(argument) for argument in arguments])
    written: list[str] = []
    try:
        status = cli.run(Program(), told, written.append)
    except StepperMotorError as error:
        status = 1
        written.append(str(error))
    return status, "\n".join(written).splitlines()


class Program:
    """The motor of the tests' home; in a test that is rolled back, on its connection."""

    def motor(self, types: Sequence[str] | None) -> Motor:
        return motor()

    def listening(self, worker: Worker) -> AbstractContextManager[None]:
        return nullcontext()

    def command(self) -> list[str]:
        return []


def lines(*arguments: object) -> list[str]:
    """What a command wrote that went well."""
    status, written = run(*arguments)
    assert status == 0, written
    return written


def refusal(*arguments: object) -> str:
    """What it wrote that did not."""
    status, written = run(*arguments)
    assert status == 1, written
    return "\n".join(written)


def data(*arguments: object) -> list[dict[str, Any]]:
    """What it wrote as JSON, a line each."""
    return [json.loads(line) for line in lines(*arguments, "--json")]


def ids(*narrowed: object) -> list[str]:
    """The journeys that `list` found."""
    return [str(each["id"]) for each in data("list", *narrowed)]
