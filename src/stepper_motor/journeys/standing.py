"""Where a journey stands, and when its coming steps are expected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from stepper_motor.journeys.row import ENDED, Row, State
from stepper_motor.journeys.wording import away, clock

if TYPE_CHECKING:  # journey.py imports explanation.py, which imports this module
    from stepper_motor.journeys.definition import Definition
    from stepper_motor.journeys.step import Step
    from stepper_motor.journeys.steps import Steps


@dataclass(frozen=True, slots=True)
class Standing:
    """A row, seen with the definition of its class at a certain time."""

    row: Row
    definition: Definition
    created_at: datetime
    now: datetime
    grace: timedelta
    unknown_type: str | None = None
    """The type the row remembers, if this code knows no class of that name."""

    @property
    def step(self) -> Step | None:
        return find(self.definition.steps, self.row.next_step_name)

    @property
    def known(self) -> bool:
        return self.step is not None or self.row.next_step_name is None

    @property
    def due(self) -> datetime | None:
        return self.row.next_step_to_be_performed_at

    @property
    def is_due(self) -> bool:
        return self.due is None or self.due <= self.now

    @property
    def overdue(self) -> timedelta | None:
        is_late = self.row.state is State.READY and self.due is not None and self.due <= self.now
        return self.now - self.due if is_late and self.due is not None else None

    @property
    def running(self) -> bool:
        """Whether a performer holds the journey and is alive, as far as anybody can tell."""
        return self.row.held and not self.row.lapsed(self.now)

    @property
    def lost(self) -> bool:
        return self.row.held and self.row.lapsed(self.now)

    @property
    def name(self) -> str:
        """The step as sentences call it."""
        if self.row.next_step_name is None:
            return "a step that nobody knows"
        return f"step {(self.step.name if self.step else self.row.next_step_name)!r}"

    @property
    def coming(self) -> tuple[tuple[str, datetime | None], ...]:
        if self.row.state in ENDED or self.step is None:
            return ()
        begin = self.now if self.is_due or self.due is None else self.due
        return tuple(expected(after(self.definition.steps, self.step), begin, self.created_at))

    def when(self, moment: datetime) -> str:
        """The time, and how far away it is."""
        return f"{clock(moment)} ({away(moment, self.now)})"


def expected(steps: Iterable[Step], begin: datetime, t0: datetime) -> Iterator[tuple[str, datetime | None]]:
    earliest, known = begin, True
    for each in steps:
        if isinstance(each.after, timedelta):
            earliest, known = max(later(t0, each.after), earliest), True
        elif each.plain_wait is None:
            known = False
        else:
            earliest = later(earliest, each.plain_wait)
        yield each.name, earliest if known else None


def later(moment: datetime, wait: timedelta) -> datetime:
    try:
        return moment + wait
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def find(steps: Steps, name: str | None) -> Step | None:
    return None if name is None else steps.find(name)


def after(steps: Steps, step: Step) -> Iterator[Step]:
    following = steps.following(step)
    while following is not None:
        yield following
        following = steps.following(following)
