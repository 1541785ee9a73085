"""The steps of a journey class as a picture, in Mermaid's language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepper_motor.journeys.wording import wait_of

if TYPE_CHECKING:  # journey.py imports this module
    from stepper_motor.journeys.conditions import Condition
    from stepper_motor.journeys.definition import Definition
    from stepper_motor.journeys.step import Step


def diagram(definition: Definition) -> str:
    """The steps in order as a Mermaid flow chart: waits stand on the arrows."""
    lines = ["flowchart TD", *_nodes(definition), *_arrows(definition), *_cancel_if(definition.cancel_if)]
    return "\n    ".join(lines)


def _nodes(definition: Definition) -> list[str]:
    steps = [f'step{place}["{_escaped(step.name)}"]' for place, step in enumerate(definition.steps, 1)]
    return ['started(["start"])', *steps, 'finished(["finished"])']


def _arrows(definition: Definition) -> list[str]:
    ids = ["started", *(f"step{place}" for place in range(1, len(definition.steps) + 1)), "finished"]
    arrows = [*map(_arrow, definition.steps), "-->"]
    return [f"{ids[place]} {arrow} {ids[place + 1]}" for place, arrow in enumerate(arrows)]


def _arrow(step: Step) -> str:
    wait = wait_of(step)
    return f'-->|"{_escaped(wait)}"|' if wait else "-->"


def _cancel_if(conditions: tuple[Condition, ...]) -> list[str]:
    if not conditions:
        return []
    names = dict.fromkeys(name for condition in conditions for name in condition.names())
    label = _escaped(f"cancel_if {', '.join(names)}".strip())
    return [f'each(["before each step"]) -.->|"{label}"| canceled(["canceled"])']


def _escaped(text: str) -> str:
    """Text that does no harm between Mermaid's double quotes: what might mean something there becomes a number."""
    return "".join(letter if letter.isalnum() or letter in " _-.," else f"#{ord(letter)};" for letter in text)
