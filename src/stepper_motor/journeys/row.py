"""The row of a journey as values: what the engine keeps of it, where it may lead, and what the history tells."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import EnumMeta, StrEnum
from typing import NamedTuple


class _WithChoices(EnumMeta):
    @property
    def choices(cls) -> list[tuple[str, str]]:
        """(value, label) pairs, the form in which Django wants the choices of a field."""
        return [(state.value, state.value) for state in cls]  # type: ignore[var-annotated]


class State(StrEnum, metaclass=_WithChoices):
    """Where a journey stands. A member equals its text, so templates and queries may use either."""

    READY = "ready"
    """Waits for the due time of its next step."""
    PERFORMING = "performing"
    """A performer holds it and runs its next step."""
    PAUSED = "paused"
    """Stopped until somebody resumes it."""
    CANCELED = "canceled"
    """Over, before its last step."""
    FINISHED = "finished"
    """Over: its last step is done, or a step said so."""

    @property
    def ongoing(self) -> bool:
        """Whether a journey in this state takes its hero's place."""
        return self in ONGOING


State.do_not_call_in_templates = True  # type: ignore[attr-defined]  # else Django's templates would call the class

ONGOING = frozenset({State.READY, State.PERFORMING, State.PAUSED})
ENDED = frozenset({State.FINISHED, State.CANCELED})


class Row(NamedTuple):
    """The engine's columns of one journey: those that only a transition may change."""

    state: State
    reason: str | None
    previous_step_name: str | None
    next_step_name: str | None
    next_step_to_be_performed_at: datetime | None
    attempts: int
    failures: int
    losses: int
    round: int
    steps_entered: int
    steps_completed: int
    fence: str
    arrived_at: datetime
    lease_expires_at: datetime | None
    performed_by: str | None
    updated_at: datetime
    ended_at: datetime | None

    @property
    def held(self) -> bool:
        """Whether a performance holds the row: whatever the state, nobody else may begin one."""
        return self.performed_by is not None

    def lapsed(self, now: datetime) -> bool:
        """Whether the lease of the performance that holds the row is over."""
        return self.lease_expires_at is not None and self.lease_expires_at <= now


class Entry(NamedTuple):
    """One line of the history: a performance of a step, or an intervention from outside."""

    step_name: str | None
    attempt: int | None
    """Which attempt at the step, from 1; None for an intervention."""
    outcome: str
    state: State
    """What the journey became."""
    reason: str | None
    error_class: str | None
    message: str | None
    traceback: str | None
    by: str | None
    """The worker that performed, or the person or process that intervened."""
    started_at: datetime | None
    """None where nobody knows any more when a lost performance began."""
    finished_at: datetime


@dataclass(frozen=True, slots=True)
class Onward:
    """To this step, at this time."""

    step: str
    due: datetime


@dataclass(frozen=True, slots=True)
class TheEnd:
    """No step follows."""


@dataclass(frozen=True, slots=True)
class Stranded:
    """To this step, but its `wait`, `after` or `at` raised: nobody knows when."""

    step: str
    error: BaseException


@dataclass(frozen=True, slots=True)
class OffTheMap:
    """The step itself is not known to today's definition, so no step can follow it."""

    step: str


Destination = Onward | TheEnd | Stranded | OffTheMap
"""Where a journey goes next. Worked out before the row is locked, since waits may be the app's own code."""


class Transition(NamedTuple):
    """The new values of a row, and what the history tells of the change."""

    row: Row
    entries: tuple[Entry, ...] = ()
    refusal: Exception | None = None
    """Raised after the row is written: the verb recovered a lost performance, and can't act on what that became."""
