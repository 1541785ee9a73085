"""What a bulk verb is in every home: which journeys it means, what each of them is told, and how results add up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from stepper_motor.journeys.journey import JourneyBase
from stepper_motor.motor import clock
from stepper_motor.motor.destinations import due_at
from stepper_motor.motor.verbs import BulkResult


def stands_at(journey: JourneyBase[Any], step: str) -> bool:
    """Whether the journey stands at this step of its class, by its name of today or a former one."""
    name, known = journey._row.next_step_name, journey.steps.find(step)
    return name == step if known is None else name is not None and journey.steps.find(name) is known


def share_of_spread(
    verb: str, journey: JourneyBase[Any], told: Mapping[str, Any], later: timedelta | None
) -> Mapping[str, Any]:
    """What this journey is told: its share of the spread is added to its due time."""
    if later is None:
        return told
    if verb == "resume":
        return {**told, "spread_to": clock.now() + later}
    due = due_at(told.get("wait"), told.get("at"), clock.now(), journey._row.attempts)
    return {**told, "wait": None, "at": due + later}


def added_up(*results: BulkResult) -> BulkResult:
    """The results of several batches as one."""
    return BulkResult(*map(sum, zip(*results, strict=True)))
