"""Where a journey goes next, and when. May call the app's own waits, so never under a lock."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from stepper_motor.journeys.durations import given_time
from stepper_motor.journeys.journey import JourneyBase
from stepper_motor.journeys.outcomes import Interruption
from stepper_motor.journeys.policies import Reattempt
from stepper_motor.journeys.row import Destination, Onward, Stranded, TheEnd
from stepper_motor.journeys.steps import Step, duration


def following(journey: JourneyBase[Any], step: Step, now: datetime) -> Destination:
    """Where a journey goes after `step`, in today's order."""
    after = journey.steps.following(step)
    if after is None:
        return TheEnd()
    return arriving(journey, after, since=now, now=now)


def arriving(journey: JourneyBase[Any], step: Step, *, since: datetime, now: datetime) -> Destination:
    """The journey comes to `step` at `since`: when is it due?"""
    try:
        return Onward(step.name, step.due(journey, t0=journey._created_at, since=since, now=now))
    except BaseException as error:
        return Stranded(step.name, of_a_wait(error))


def of_a_wait(error: BaseException) -> BaseException:
    """The error to keep when a wait raised this: a verb in a wait is an error like any other."""
    if not isinstance(error, Interruption):
        return error
    return TypeError(f"a wait gives a duration or a time: it can't use a verb ({error.outcome.name})")


def due_at(wait: Any, at: datetime | None, now: datetime, attempts: int) -> datetime:
    """When `wait=` or `at=` of a verb is; a `Reattempt` counts by `attempts`; what is past means now."""
    if at is not None:
        return max(given_time(at), now)
    length = wait.delay(max(attempts, 1)) if isinstance(wait, Reattempt) else duration(wait or 0)
    try:
        return now + length
    except OverflowError:
        raise ValueError(f"a wait of {length} ends after the year 9999") from None
