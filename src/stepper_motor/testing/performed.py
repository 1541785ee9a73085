"""One performance, as a test has it performed and told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from stepper_motor.journeys import wording
from stepper_motor.journeys.errors import InvalidState, StepperMotorError
from stepper_motor.journeys.journey import JourneyBase
from stepper_motor.journeys.outcomes import Failed, Outcome
from stepper_motor.journeys.row import State
from stepper_motor.motor.clock import SetClock
from stepper_motor.testing.stories import fresh_copy, name_of, story


class NotPerformed(StepperMotorError):
    """A journey is ready, and still its next step can't be performed here: this code does not know it."""


@dataclass(frozen=True, slots=True)
class Performed:
    """What came of one performance. `str()` gives a line."""

    journey: JourneyBase[Any]
    """The same object for every step of a speedrun: it shows how the journey stands now."""
    step: str | None
    outcome: Outcome
    at: datetime
    """When, by the library's clock; in UTC."""

    @property
    def error(self) -> BaseException | None:
        """What the step raised."""
        return self.outcome.error if isinstance(self.outcome, Failed) else None

    def __str__(self) -> str:
        what = f"failed ({self.error!r})" if self.error else self.outcome.name
        return f"{wording.clock(self.at)}  {name_of(self.journey)}  {self.step}: {what}"


def perform(journey: JourneyBase[Any], clock: SetClock, *, reraise: bool) -> Performed | None:
    """Move the clock to the due time, unless that has passed, and perform the next step.

    Returns:
        What came of it; None if the step deleted its journey.

    Raises:
        InvalidState: the journey is not ready.
        NotPerformed: nothing was performed.
        BaseException: what the step raised, once that is settled, if `reraise` or if it is not an `Exception`.
    """
    row = journey._row
    if row.state is not State.READY:
        raise InvalidState("perform the next step of", row.state, str(journey.explain()))
    if row.next_step_to_be_performed_at is not None:
        clock.set(max(clock.at, row.next_step_to_be_performed_at))
    at, step = clock.at, row.next_step_name
    outcome = cast(Any, journey._door).attempt_next_step(journey)
    if outcome is None:
        _require_gone(journey)
        return None
    performed = Performed(journey, step, outcome, at)
    raise_again(performed, reraise=reraise)
    return performed


def checked_limit(limit: object) -> None:
    """Refuse a limit of steps that is none."""
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise ValueError(f"limit must be a whole number of at least 1 (steps), got {limit!r}")


def raise_again(performed: Performed, *, reraise: bool) -> None:
    """Raise what the step raised; an interrupt (Ctrl-C, the end of a test) even where exceptions are let pass."""
    error = performed.error
    if error is not None and (reraise or not isinstance(error, Exception)):
        note_story(performed, error)
        raise error


def note_story(performed: Performed, error: BaseException) -> None:
    """Add to the exception where it comes from and what happened before: test runners print it."""
    journey = performed.journey
    error.add_note(f"Raised by step {performed.step!r} of {name_of(journey)}. {story(journey)}")


def _require_gone(journey: JourneyBase[Any]) -> None:
    if fresh_copy(journey) is not None:
        raise NotPerformed(f"{name_of(journey)} could not be performed. {story(journey)}")
