"""`types` and `diagram`: the journeys that this code knows."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from typing import Any

from stepper_motor.cli.arguments import Subcommands
from stepper_motor.cli.home import Program, Write
from stepper_motor.cli.output import in_columns
from stepper_motor.journeys.errors import DefinitionError
from stepper_motor.journeys.journey import JourneyBase
from stepper_motor.journeys.spelling import did_you_mean
from stepper_motor.journeys.step import Step
from stepper_motor.journeys.wording import wait_of
from stepper_motor.motor.motor import Motor


def add(commands: Subcommands) -> None:
    commands.add_parser("types", help="list the journey types that this code knows, with their steps")
    parser = commands.add_parser("diagram", help="draw the steps of a journey type, in Mermaid's language")
    parser.add_argument("type", metavar="TYPE")


def types(program: Program, told: Namespace, write: Write) -> int:
    known = _known(program.motor(None))
    for name in sorted(known):
        for line in _described(name, known[name]):
            write(line)
    if not known:
        write("This code knows no journey types.")
    return 0


def _described(name: str, cls: type[JourneyBase[Any]]) -> Iterator[str]:
    yield name
    for line in in_columns([(step.name, wait_of(step), _kind(step)) for step in cls.steps]):
        yield f"  {line}"


def _kind(step: Step) -> str:
    formerly = f"formerly {', '.join(step.formerly)}" if step.formerly else ""
    kinds = ("async" if step.is_awaited else "", "atomic" if step.atomic else "", formerly)
    return ", ".join(filter(None, kinds))


def diagram(program: Program, told: Namespace, write: Write) -> int:
    known = _known(program.motor(None))
    if told.type not in known:
        hint = did_you_mean(told.type, known) or f"; there are {', '.join(sorted(known)) or 'none'}"
        raise DefinitionError(f"there is no journey type {told.type!r}{hint}")
    write(known[told.type].diagram())
    return 0


def _known(motor: Motor) -> dict[str, type[JourneyBase[Any]]]:
    return {cls.definition.type_name: cls for store in motor.stores for cls in store.registry}
