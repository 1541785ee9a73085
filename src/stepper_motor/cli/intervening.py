"""The verbs: `pause`, `resume`, `cancel`, `skip`, `reattempt`, `reschedule`, `jump-to` and `finish`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from getpass import getuser
from typing import Any

from stepper_motor.cli.arguments import Subcommands, duration, moment
from stepper_motor.cli.home import Program, Write
from stepper_motor.cli.output import plain
from stepper_motor.cli.records import Found, NotFound, again, explanation, find
from stepper_motor.journeys.errors import StepperMotorError
from stepper_motor.journeys.wording import text_of
from stepper_motor.motor.motor import Motor

VERBS = {
    "pause": "stop journeys until somebody resumes them",
    "resume": "let paused journeys go on",
    "cancel": "end journeys before their last step",
    "skip": "pass over the next step of journeys",
    "reattempt": "put the next step of journeys back: now, after --wait, or at --at",
    "reschedule": "set the due time of the next step of journeys, or work it out anew from today's definition",
    "jump-to": "send journeys to another step; one that has ended is opened again",
    "finish": "end journeys as finished",
}
WAITING = ("reattempt", "jump-to")
"""The verbs that take a wait."""
AT_A_TIME = (*WAITING, "reschedule")
"""The verbs that take a time."""
OPTIONS = ("reason", "wait", "at", "step")
"""What verbs are told, beside who it is."""


def add(commands: Subcommands) -> None:
    for verb, help in VERBS.items():
        parser = commands.add_parser(verb, help=help)
        parser.add_argument("ids", nargs="+", metavar="ID")
        parser.add_argument("--type", metavar="TYPE", help="their type, where several tables have such ids")
        parser.add_argument("--reason", metavar="TEXT", help="why, for the history")
        parser.add_argument("--by", metavar="NAME", help="who, for the history (default: the user of this machine)")
        _add_options_of(verb, parser)


def _add_options_of(verb: str, parser: ArgumentParser) -> None:
    if verb == "jump-to":
        parser.add_argument("--step", metavar="STEP", help="to this step (default: the one where it stopped)")
    when = parser.add_mutually_exclusive_group() if verb in WAITING else parser
    if verb in WAITING:
        when.add_argument("--wait", type=duration, metavar="DURATION", help="from now: 90 (seconds), 15min, 1h30m, 2d")
    if verb in AT_A_TIME:
        when.add_argument("--at", type=moment, metavar="TIME", help="at this time: 2030-01-10T12:00+01:00")


def intervene(program: Program, told: Namespace, write: Write) -> int:
    motor = program.motor(None)
    options = {name: value for name in OPTIONS if (value := getattr(told, name, None)) is not None}
    verb, by = told.command.replace("-", "_"), told.by or _user()
    changed = [_changed(motor, id, told.type, verb, {**options, "by": by}, write) for id in told.ids]
    return 0 if all(changed) else 1


def _user() -> str:
    try:
        return getuser()
    except (KeyError, OSError, ImportError):  # a container's user may have no name
        return "the command line"


def _changed(motor: Motor, id: str, type: str | None, verb: str, told: dict[str, Any], write: Write) -> bool:
    """Act on one journey of several and say what it became, or what was refused; returns whether it was changed.

    Raises:
        Exception: the database did not answer.
    """
    try:
        found = find(motor, id, type)
    except NotFound as error:
        write(f"{id}: {error}")
        return False
    try:
        _act(motor, found, verb, told)
    except Exception as error:
        if found.store.is_transient(error) or found.store.is_disconnect(error):
            raise
        write(f"{id}: refused: {_said(error)}")
        return False
    write(f"{id}: {_became(motor, found)}")
    return True


def _act(motor: Motor, found: Found, verb: str, told: dict[str, Any]) -> None:
    journey = found.store.load([found.record.id]).get(found.record.id)
    if journey is None:
        raise NotFound("it was deleted meanwhile")
    if "step" in told:
        journey._check_step(told["step"])
    motor.intervene_in(found.store, journey, verb, **told)


def _became(motor: Motor, found: Found) -> str:
    now = again(found)
    return plain(explanation(now, motor, motor.now()).why) if now else "Deleted."


def _said(error: Exception) -> str:
    """What a person is told: the library's own errors and wrong arguments speak for themselves."""
    text = plain(text_of(error))
    return text if isinstance(error, StepperMotorError | ValueError) else f"{type(error).__name__}: {text}"
