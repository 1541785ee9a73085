"""`manage.py stepper_motor worker | list | show | pause | doctor ...`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from stepper_motor import cli
from stepper_motor.django.engine import motor, motor_of_types
from stepper_motor.django.notifications import Listener
from stepper_motor.journeys.errors import StepperMotorError
from stepper_motor.motor.motor import Motor
from stepper_motor.motor.service import end_soon
from stepper_motor.motor.worker import Worker


class Command(BaseCommand):
    help = "Performs journeys, and keeps their house."

    def add_arguments(self, parser: CommandParser) -> None:
        cli.add_commands(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            status = cli.run(ManagePy(), options, self.stdout.write)
        except StepperMotorError as error:
            raise CommandError(str(error)) from error
        if getattr(self, "_called_from_command_line", False):
            end_soon(status)
        if status:
            sys.exit(status)


class ManagePy:
    """Django's answers to what the commands ask."""

    def motor(self, types: Sequence[str] | None) -> Motor:
        return motor_of_types(types) if types else motor()

    @contextmanager
    def listening(self, worker: Worker) -> Iterator[None]:
        listeners = [Listener(alias, worker.wake) for alias in {store.alias for store in worker.motor.stores}]  # type: ignore[attr-defined]
        for listener in listeners:
            listener.start()
        try:
            yield
        finally:
            for listener in listeners:
                listener.stop()

    def command(self) -> list[str]:
        program = sys.argv[0]
        start = ["-m", "django"] if program.endswith(("__main__.py", "django-admin")) else [program]
        return [sys.executable, *start, "stepper_motor"]
