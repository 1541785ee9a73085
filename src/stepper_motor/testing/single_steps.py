"""One step of one journey, whether it is due or not."""

from __future__ import annotations

from typing import Any

from stepper_motor.journeys.journey import JourneyBase
from stepper_motor.journeys.outcomes import Outcome
from stepper_motor.journeys.row import State
from stepper_motor.motor import clock
from stepper_motor.motor.clock import SetClock
from stepper_motor.testing.performed import perform
from stepper_motor.testing.positions import stands_at, step_named
from stepper_motor.testing.time_travel import travel
from stepper_motor.testing.twins import asynchronous


def perform_next_step(journey: JourneyBase[Any], *, reraise: bool = True) -> Outcome | None:
    """Perform the next step, at its due time if that is still to come.

    A clock that the test made stand (the `clock` fixture, `travel`) is moved there and stays there: your test is at
    that time now. Otherwise the real clock returns after the step. The journey is refreshed.

    Args:
        reraise: raise what the step raises, once that is settled; False: give it in the `Failed` outcome.

    Returns:
        What came of it; None if the step deleted its journey, so that nothing was settled.

    Raises:
        InvalidState: the journey is not ready; the message says why.
        NotPerformed: its next step is not known to this code.
        StepperMotorError: inside a transaction of the caller's (a test's does not count).
    """
    journey._reload()
    standing = clock.installed()
    if isinstance(standing, SetClock):
        return _performed(journey, standing, reraise)
    with travel(0) as ours:
        return _performed(journey, ours, reraise)


def perform_step(journey: JourneyBase[Any], name: str, *, reraise: bool = True) -> Outcome | None:
    """Perform this very step, wherever the journey stands, and whether it has ended or not.

    Where it is not the next one, the journey jumps to it first: the history tells of that, `round` grows by one, and
    `attempts` begin anew. Otherwise the same as `perform_next_step`.

    Raises:
        ValueError: there is no such step; the message lists those there are.
        InvalidState: somebody else performs the journey.
        AlreadyOnJourney: the journey has ended, and its hero is on another one.
    """
    step = step_named(journey, name)
    journey._reload()
    if journey._row.state is not State.READY or not stands_at(journey, step):
        journey.jump_to(step, by="a test")
    return perform_next_step(journey, reraise=reraise)


aperform_next_step = asynchronous(perform_next_step)
aperform_step = asynchronous(perform_step)


def _performed(journey: JourneyBase[Any], standing: SetClock, reraise: bool) -> Outcome | None:
    performed = perform(journey, standing, reraise=reraise)
    return performed.outcome if performed else None
