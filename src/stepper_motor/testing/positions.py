"""At which step a journey stands, by today's names."""

from __future__ import annotations

from typing import Any

from stepper_motor.journeys.journey import JourneyBase


def step_named(journey: JourneyBase[Any], name: str) -> str:
    """Today's name of the step that is, or was formerly, called so.

    Raises:
        ValueError: there is none; the message lists those there are.
    """
    step = journey.steps.find(name)
    if step is None:
        raise ValueError(f"{type(journey).__name__} has no step {name!r}; it has {', '.join(journey.steps.names)}")
    return step.name


def stands_at(journey: JourneyBase[Any], step: str) -> bool:
    """Whether this is the step that is performed next, or would be if the journey went on."""
    name = journey._row.next_step_name
    known = journey.steps.find(name) if name else None
    return known is not None and known.name == step
