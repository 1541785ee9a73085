"""The commands, once for every home: `manage.py stepper_motor ...` in Django."""

from __future__ import annotations

import logging
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from stepper_motor.motor.housekeeping import Housekeeper
from stepper_motor.motor.motor import Motor
from stepper_motor.motor.service import Supervisor, serve
from stepper_motor.motor.survey import unknown_positions
from stepper_motor.motor.worker import Worker

Write = Callable[[str], object]


class Home(Protocol):
    """What the commands ask of the home whose journeys they move."""

    def motor(self, types: Sequence[str] | None) -> Motor:
        """The motor; with `types`, one that knows these alone."""

    def listening(self, worker: Worker) -> AbstractContextManager[object]:
        """Within the block the worker is woken by commits elsewhere, where the database can."""

    def command(self) -> list[str]:
        """How to start this program anew."""


def add_commands(parser: ArgumentParser) -> None:
    """Declare the commands and their options."""
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    worker = commands.add_parser("worker", help="perform journeys until told to stop (SIGTERM)")
    worker.add_argument("--concurrency", type=_count, metavar="N", help="threads for sync steps (default: 8, SQLite 1)")
    worker.add_argument("--async-concurrency", type=_count, metavar="N", help="async steps at once (default: 500)")
    worker.add_argument("--processes", type=_count, default=1, metavar="N", help="worker processes (default: 1)")
    worker.add_argument("--once", action="store_true", help="stop when nothing is due any more")
    worker.add_argument("--types", nargs="+", metavar="TYPE", help="perform these journey types alone")
    commands.add_parser("housekeep", help="recover the lost and delete the ended, once")
    commands.add_parser("doctor", help="list journeys in flight whose type or step this code does not know")


def run(home: Home, options: Namespace | dict[str, object], write: Write) -> int:
    """Run the command that was asked for; returns the exit status."""
    told = options if isinstance(options, Namespace) else Namespace(**options)
    commands = {"worker": _worker, "housekeep": _housekeep, "doctor": _doctor}
    return commands[told.command](home, told, write)


def _worker(home: Home, told: Namespace, write: Write) -> int:
    if told.processes > 1:
        return Supervisor([*home.command(), *_alone(told)], told.processes).run(once=told.once)
    _log_to_stderr()
    worker = Worker(home.motor(told.types), concurrency=told.concurrency, async_concurrency=told.async_concurrency)
    with home.listening(worker) if not told.once else nullcontext():
        serve(worker, once=told.once)
    return 0


def _alone(told: Namespace) -> list[str]:
    """The arguments of one of several processes."""
    arguments = ["worker"]
    for name in ("concurrency", "async_concurrency"):
        if getattr(told, name):
            arguments += [f"--{name.replace('_', '-')}", str(getattr(told, name))]
    arguments += ["--once"] if told.once else []
    return arguments + (["--types", *told.types] if told.types else [])


def _housekeep(home: Home, told: Namespace, write: Write) -> int:
    kept = Housekeeper(home.motor(None)).keep()
    write(f"recovered {kept.recovered}, deleted {kept.deleted}, failed {kept.failed}")
    return 1 if kept.failed else 0


def _doctor(home: Home, told: Namespace, write: Write) -> int:
    unknown = unknown_positions(home.motor(None))
    for position in unknown:
        write(str(position))
    if not unknown:
        write("Every journey in flight stands at a step that this code knows.")
    return 1 if unknown else 0


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise ArgumentTypeError(f"must be a whole number of at least 1, got {text!r}")
    return int(text)


def _log_to_stderr() -> None:
    """Say what happens, if the project has not said where its log lines go."""
    logger = logging.getLogger("stepper_motor")
    if logger.hasHandlers():
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
