"""Why a journey is not moving, and what comes next: in data and in sentences."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from stepper_motor.journeys.diagram import diagram
from stepper_motor.journeys.row import ENDED, Row, State
from stepper_motor.journeys.sentences import what_comes_next, why_it_stands
from stepper_motor.journeys.standing import Standing, after, find

if TYPE_CHECKING:  # journey.py imports this module
    from stepper_motor.journeys.definition import Definition
    from stepper_motor.journeys.steps import Steps

__all__ = ["Explanation", "diagram", "explain", "remaining"]

ZERO = timedelta()


@dataclass(frozen=True, slots=True)
class Explanation:
    """Where a journey stands. `str()` gives the sentences."""

    state: State
    step: str | None
    """The next step, or the one that is performed, by today's name; None where there is none."""
    known: bool
    """Whether this code knows that step; true where there is none."""
    due: datetime | None
    overdue: timedelta | None
    """How long the step has been due without being taken; None unless the journey is ready and the step is due."""
    held_by: str | None
    """The performer that holds the journey, whatever its state."""
    lease_expires_at: datetime | None
    reason: str | None
    attempts: int
    """Attempts at the step that failed, were lost or were reattempted."""
    failures: int
    """Exceptions in a row."""
    losses: int
    """Lost performances in a row."""
    coming: tuple[tuple[str, datetime | None], ...]
    """The steps after `step` and when each is expected, if all goes well from now on (for a paused journey: if it is
    resumed now); None where only the journey itself can tell, by a callable or an `at`."""
    why: str
    """What the journey is doing, or why it is not moving."""
    next: str
    """What comes next, and when."""

    def __str__(self) -> str:
        return f"{self.why} {self.next}"


def explain(
    row: Row,
    definition: Definition,
    created_at: datetime,
    now: datetime,
    *,
    unknown_step_grace: timedelta = timedelta(minutes=10),
    unknown_type: str | None = None,
) -> Explanation:
    """Where a journey is, why it is not moving, and what comes next and when.

    Args:
        unknown_step_grace: as the motor's settings say: how long a step that nobody knows is left to newer processes.
        unknown_type: the type the row remembers, if this code knows no class of that name.
    """
    standing = Standing(row, definition, created_at, now, unknown_step_grace, unknown_type)
    return Explanation(
        state=row.state,
        step=standing.step.name if standing.step else row.next_step_name,
        known=standing.known,
        due=row.next_step_to_be_performed_at,
        overdue=standing.overdue,
        held_by=row.performed_by,
        lease_expires_at=row.lease_expires_at,
        reason=row.reason,
        attempts=row.attempts,
        failures=row.failures,
        losses=row.losses,
        coming=standing.coming,
        why=why_it_stands(standing),
        next=what_comes_next(standing),
    )


def remaining(row: Row, steps: Steps, now: datetime) -> timedelta | None:
    """From now to the due time of the next step, plus the plain waits of the steps after it.

    An `after`, an `at` and a callable count as 0. None when the journey has ended, and when its due time or its next
    step is not known.
    """
    step = find(steps, row.next_step_name)
    due = row.next_step_to_be_performed_at
    if row.state in ENDED or step is None or due is None:
        return None
    return sum((each.plain_wait or ZERO for each in after(steps, step)), max(due - now, ZERO))
