"""A journey from here to its end, in milliseconds."""

from __future__ import annotations

from typing import Any

from stepper_motor.journeys.errors import StepperMotorError
from stepper_motor.journeys.journey import JourneyBase
from stepper_motor.journeys.row import State
from stepper_motor.testing.performed import Performed, checked_limit, perform
from stepper_motor.testing.positions import stands_at, step_named
from stepper_motor.testing.stories import name_of, story
from stepper_motor.testing.time_travel import travel
from stepper_motor.testing.twins import asynchronous

STEPS = 100
"""How many performances a speedrun allows a journey."""
AT_REST = (State.FINISHED, State.CANCELED, State.PAUSED)


class LimitReached(StepperMotorError, AssertionError):
    """A journey did not come where it should have come: it may go round in circles."""


def speedrun(
    journey: JourneyBase[Any], *, limit: int = STEPS, until: str | None = None, reraise: bool = True
) -> list[Performed]:
    """Perform step after step, each at its due time, until the journey is finished, canceled or paused.

    The library's clock is moved from due time to due time; afterwards, whatever happens, it shows the time it showed
    before. The journey is refreshed.

    Args:
        limit: the most steps to perform (reattempts count).
        until: stop where this step would be next, without performing it.
        reraise: raise what a step raises, once that is settled (the history so far is noted on the exception).
            False: let `on_exception` have its way and go on, as in production.

    Returns:
        What was performed, in order.

    Raises:
        LimitReached: the journey could go on after `limit` steps, or ended before it came to `until`. The message
            tells its history.
        InvalidState: the journey is being performed by somebody else.
        NotPerformed: its next step is not known to this code.
        StepperMotorError: inside a transaction of the caller's (a test's does not count).
        ValueError: `limit` is less than 1, or there is no step `until`.
    """
    checked_limit(limit)
    stop = None if until is None else step_named(journey, until)
    performed: list[Performed] = []
    with travel(0) as clock:
        journey._reload()
        while not _is_there(journey, stop):
            if len(performed) == limit:
                raise LimitReached(f"{name_of(journey)} could go on after {limit} steps. {story(journey)}")
            step = perform(journey, clock, reraise=reraise)
            if step is None:  # it deleted its journey
                break
            performed.append(step)
        if stop and not _waits_at(journey, stop):
            raise LimitReached(f"{name_of(journey)} did not come to step {stop!r}. {story(journey)}")
    return performed


aspeedrun = asynchronous(speedrun)


def _is_there(journey: JourneyBase[Any], stop: str | None) -> bool:
    return journey._row.state in AT_REST or (stop is not None and _waits_at(journey, stop))


def _waits_at(journey: JourneyBase[Any], stop: str) -> bool:
    return journey._row.state is State.READY and stands_at(journey, stop)
