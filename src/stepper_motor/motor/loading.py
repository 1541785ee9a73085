"""Reading rows so that one which can't be read does not hide the others, and is paused instead of met for ever."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from stepper_motor.journeys import lifecycle
from stepper_motor.journeys.errors import StepperMotorError
from stepper_motor.journeys.lifecycle import Ending
from stepper_motor.journeys.outcomes import Failed, Paused
from stepper_motor.journeys.row import Row, Transition
from stepper_motor.motor.fences import new_fence
from stepper_motor.motor.ports import JourneyId, Store
from stepper_motor.motor.problems import describe

Load = Callable[[Sequence[JourneyId]], dict[JourneyId, Any]]
Report = Callable[[JourneyId, Exception], object]


class _MovedOn(StepperMotorError):
    """The row is no longer as it was when it could not be read."""


def each_loaded(store: Store, load: Load, ids: Sequence[JourneyId], report: Report) -> dict[JourneyId, Any]:
    """Fresh objects by id. What can't be read (a column with a value that Python has no form for) is reported.

    Raises:
        Exception: the database did not answer.
    """
    try:
        return load(ids)
    except Exception as error:
        if store.is_transient(error) or store.is_disconnect(error):
            raise
        if len(ids) == 1:
            report(ids[0], error)
            return {}
    middle = len(ids) // 2
    halves = [each_loaded(store, load, half, report) for half in (ids[:middle], ids[middle:])]
    return {**halves[0], **halves[1]}


def pause_unreadable(
    store: Store, id: JourneyId, error: Exception, holds: Callable[[Row, datetime], bool], limit: int
) -> bool:
    """Pause a held row that can't be performed since it can't be read; False: it does not hold any more."""
    problem = describe(error, limit)

    def decide(row: Row, now: datetime) -> Transition:
        if not holds(row, now):
            raise _MovedOn
        then = Paused(f"it can't be read: {problem}")
        ending = Ending(row.next_step_name, Failed(error, then), False, now, None, problem)
        return lifecycle.settle(row, ending, now, new_fence())

    try:
        store.change(id, decide, wait=False)
    except (_MovedOn, LookupError):
        return False
    return True
