"""The commands that move journeys: `worker`, `housekeep`, and `doctor` that looks before a deploy."""

from __future__ import annotations

import logging
import sys
from argparse import Namespace
from contextlib import nullcontext

from stepper_motor.cli.arguments import Subcommands, count
from stepper_motor.cli.home import Program, Write
from stepper_motor.journeys.errors import DefinitionError
from stepper_motor.motor.housekeeping import Housekeeper
from stepper_motor.motor.service import Supervisor, serve
from stepper_motor.motor.survey import refused_tickets, unknown_positions
from stepper_motor.motor.worker import Worker

_logger = logging.getLogger("stepper_motor")


def add(commands: Subcommands) -> None:
    worker = commands.add_parser("worker", help="perform journeys until told to stop (SIGTERM)")
    worker.add_argument("--concurrency", type=count, metavar="N", help="threads for sync steps (default: 8, SQLite 1)")
    worker.add_argument("--async-concurrency", type=count, metavar="N", help="async steps at once (default: 500)")
    worker.add_argument("--processes", type=count, default=1, metavar="N", help="worker processes (default: 1)")
    worker.add_argument("--once", action="store_true", help="stop when nothing is due any more")
    worker.add_argument(
        "--dispatch-only", action="store_true", help="keep the house and hand tickets to the job queue, perform nothing"
    )
    worker.add_argument("--types", nargs="+", metavar="TYPE", help="perform these journey types alone")
    commands.add_parser(
        "housekeep", help="recover the lost, delete the ended, and hand to the job queue what it has missed: once"
    )
    commands.add_parser(
        "doctor",
        help="list what could not be performed: journeys of an unknown type or step, tickets that the queue refuses",
    )


def work(program: Program, told: Namespace, write: Write) -> int:
    if told.processes > 1:
        return Supervisor([*program.command(), *_alone(told)], told.processes).run(once=told.once)
    _log_to_stderr()
    motor = program.motor(told.types)
    if told.dispatch_only and motor.scheduler is None:
        raise DefinitionError("--dispatch-only hands tickets to a job queue, and no scheduler is set up")
    if motor.scheduler is not None and not told.dispatch_only:
        _logger.info("this worker performs steps beside the job queue; with --dispatch-only it leaves them to that")
    worker = Worker(
        motor, concurrency=told.concurrency, async_concurrency=told.async_concurrency, dispatch_only=told.dispatch_only
    )
    with program.listening(worker) if not told.once else nullcontext():
        serve(worker, once=told.once)
    return 0


def _alone(told: Namespace) -> list[str]:
    """The arguments of one of several processes."""
    arguments = ["worker"]
    for name in ("concurrency", "async_concurrency"):
        if getattr(told, name):
            arguments += [f"--{name.replace('_', '-')}", str(getattr(told, name))]
    arguments += ["--once"] if told.once else []
    arguments += ["--dispatch-only"] if told.dispatch_only else []
    return arguments + (["--types", *told.types] if told.types else [])


def housekeep(program: Program, told: Namespace, write: Write) -> int:
    motor = program.motor(None)
    kept = Housekeeper(motor).keep()
    handed_over = f", handed over {kept.handed_over}" if motor.scheduler else ""
    write(f"recovered {kept.recovered}, deleted {kept.deleted}, failed {kept.failed}{handed_over}")
    return 1 if kept.failed else 0


def doctor(program: Program, told: Namespace, write: Write) -> int:
    motor = program.motor(None)
    unknown = unknown_positions(motor)
    refused = refused_tickets(motor.scheduler, [store.registry for store in motor.stores])
    for finding in [*unknown, *refused]:
        write(str(finding))
    if not unknown:
        write("Every journey in flight stands at a step that this code knows.")
    return 1 if unknown or refused else 0


def _log_to_stderr() -> None:
    """Say what happens, if the project has not said where its log lines go."""
    if _logger.hasHandlers():
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    _logger.addHandler(handler)
    _logger.setLevel(logging.INFO)
