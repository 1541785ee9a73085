"""A verb from outside, made ready to be decided under the row's lock.

The app's own code (waits) is asked before, on the object the caller has; what it said counts only if the row is still
where that object saw it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from stepper_motor.journeys import interventions
from stepper_motor.journeys.errors import StepperMotorError
from stepper_motor.journeys.interventions import Intervention
from stepper_motor.journeys.journey import JourneyBase
from stepper_motor.journeys.lifecycle import Loss
from stepper_motor.journeys.outcomes import (
    Canceled,
    Finished,
    Jumped,
    Outcome,
    Paused,
    Reattempted,
    Rescheduled,
    Resumed,
    Skipped,
)
from stepper_motor.journeys.row import Destination, OffTheMap, Onward, Row, State, Transition
from stepper_motor.motor import clock
from stepper_motor.motor.destinations import arriving, due_at, following
from stepper_motor.motor.fences import new_fence
from stepper_motor.motor.ports import Decide
from stepper_motor.motor.settings import Settings

SEEN_BY_STATE_ALONE = ("pause", "cancel", "resume")
LEADING = ("skip", "reattempt", "reschedule", "jump_to")
"""The verbs that need to know where they lead."""


class BulkResult(NamedTuple):
    """What a bulk verb came to, in rows."""

    changed: int
    passed_over: int
    """Their state does not allow the verb, or they moved on meanwhile."""
    failed: int
    """Their own code (a wait) raised, they are gone, or their place is taken."""


class Outdated(StepperMotorError):
    """The row is held by a lost performance, or stopped at a step, of which the object knows nothing: look again."""


def decision(journey: JourneyBase[Any], witness: JourneyBase[Any], verb: str, told: dict[str, Any],
             settings: Settings) -> Decide:  # fmt: skip
    """What is to be decided under the lock.

    Args:
        journey: the caller's object: its fence is the one the caller saw.
        witness: the same journey, maybe read later: what a lost performance means, and where an ended journey stopped
            (an end leaves the fence as it is), is worked out from it.

    Raises:
        Exception: what a wait of the app's own raised.
    """
    destination = _destination(witness if verb == "jump_to" else journey, verb, **told)
    seen = None if verb in SEEN_BY_STATE_ALONE else journey._row.fence
    by, reason = who(told.get("by")), told.get("reason")
    loss, known = loss_of(witness, settings), witness._row
    decide: Callable[..., Transition] = getattr(interventions, verb)

    def decided(row: Row, now: datetime) -> Transition:
        if row.held and row.lapsed(now) and (row.fence, row.performed_by) != (known.fence, known.performed_by):
            raise Outdated(f"{verb}: a lost performance has to be recovered first")
        if verb == "jump_to" and not told.get("step") and row.next_step_name != known.next_step_name:
            raise Outdated(f"{verb}: it stopped at {row.next_step_name}")
        told_of = Intervention(now, new_fence(), seen, by, reason, loss)
        return _spread(decide(row, *([destination] if destination else []), told_of), told.get("spread_to"), now)

    return decided


def loss_of(journey: JourneyBase[Any], settings: Settings) -> Loss:
    """What it means if the performance of the journey's next step is lost."""
    row: Row = journey._row
    step = journey.steps.find(row.next_step_name) if row.next_step_name else None
    if_lost = journey.definition.if_lost_at(step)
    if step is None:
        return Loss(if_lost, OffTheMap(row.next_step_name or ""), settings.poison_after)
    destination = following(journey, step, clock.now()) if if_lost == "skip" and row.held else None
    return Loss(if_lost, destination, settings.poison_after)


def who(by: object) -> str | None:
    """Who intervenes, as the history keeps it."""
    return None if by is None else str(by)[:200]


def outcome_of(verb: str, told: dict[str, Any], row: Row) -> Outcome:
    """What a verb from outside returns."""
    match verb:
        case "pause":
            return Paused(told.get("reason"))
        case "cancel":
            return Canceled(told.get("reason"))
        case "resume":
            return Resumed()
        case "skip":
            return Skipped()
        case "reattempt":
            return Reattempted(told.get("wait"), told.get("at"))
        case "reschedule":
            return Rescheduled(row.next_step_to_be_performed_at)
        case "jump_to":
            return Jumped(row.next_step_name or "", told.get("wait"), told.get("at"))
    return Finished()


def _destination(journey: JourneyBase[Any], verb: str, **told: Any) -> Destination | None:
    if verb not in LEADING:
        return None
    row: Row = journey._row
    name = told.get("step") or row.next_step_name
    step = journey.steps.find(name) if name else None
    if step is None:
        return OffTheMap(name or "")
    now, wait, at = clock.now(), told.get("wait"), told.get("at")
    if verb == "skip":
        return following(journey, step, now)
    if verb != "reschedule" or at is not None:
        return Onward(step.name, due_at(wait, at, now, row.attempts))
    destination = arriving(journey, step, since=row.arrived_at, now=now)
    return Onward(step.name, max(destination.due, now)) if isinstance(destination, Onward) else destination


def _spread(transition: Transition, to: datetime | None, now: datetime) -> Transition:
    """A bulk resume that is spread: what is overdue comes at `to` instead of all at once."""
    row = transition.row
    due = row.next_step_to_be_performed_at
    if to is None or row.state is not State.READY or due is None or due > now:
        return transition
    return transition._replace(row=row._replace(next_step_to_be_performed_at=to))
