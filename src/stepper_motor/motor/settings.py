"""Every default in one frozen place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from difflib import get_close_matches
from typing import Any

from stepper_motor.journeys.definition import LONGEST_LEASE
from stepper_motor.journeys.errors import DefinitionError


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a motor runs. Durations are timedeltas, or numbers of seconds."""

    lease: timedelta = timedelta(seconds=60)
    """How long a performer may be silent before its journey is taken over. A class may set its own."""
    unknown_step_grace: timedelta = timedelta(minutes=10)
    """How long a row whose next step this code does not know is left to newer processes, before it is paused."""
    poison_after: int = 3
    """Losses in a row at one step after which a journey is paused."""
    delete_completed_after: timedelta | None = timedelta(days=30)
    """When ended journeys are deleted, with their history; None keeps them. A class may set its own."""

    concurrency: int = 8
    """Threads of a worker that perform sync steps (1 on SQLite, which has one writer)."""
    async_concurrency: int = 500
    """Async steps that a worker awaits at once."""
    poll_interval: timedelta = timedelta(seconds=1)
    """The longest a worker sleeps before it looks for due journeys again."""
    recovery_interval: timedelta = timedelta(seconds=2)
    """How often a worker looks for lost performances (at most a third of a lease)."""
    sweep_interval: timedelta = timedelta(seconds=10)
    """How often a worker looks for journeys whose tickets have to be handed to the queue, where there is one (with a
    `CyclicScheduler`: once in a cycle)."""
    deletion_interval: timedelta = timedelta(minutes=5)
    """How often a worker looks for ended journeys to delete."""
    stop_grace: timedelta = timedelta(seconds=30)
    """How long running steps may go on after SIGTERM, before they are interrupted or left to their lease."""
    run_on_steps: int = 20
    """Steps of one journey performed in a row before others get a turn."""
    batch: int = 200
    """Rows in one claim, settlement, recovery, deletion or bulk verb."""
    traceback_limit: int = 10_000
    """Characters of a traceback that the history keeps (its end, where the cause stands)."""

    def __post_init__(self) -> None:
        for name in _DURATIONS:
            object.__setattr__(self, name, _duration(name, getattr(self, name)))
        for name in _COUNTS:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise DefinitionError(f"{name} must be a whole number of at least 1, got {value!r}")

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Settings:
        """Settings from a mapping of names; unknown names are an error that names the nearest."""
        known = [field.name for field in fields(cls)]
        for name in given:
            if name not in known:
                near = get_close_matches(name, known, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
                raise DefinitionError(f"there is no setting {name!r}: {hint}")
        return cls(**given)


_DURATIONS = (
    "lease", "unknown_step_grace", "delete_completed_after", "poll_interval", "recovery_interval",
    "sweep_interval", "deletion_interval", "stop_grace",
)  # fmt: skip
_COUNTS = ("poison_after", "concurrency", "async_concurrency", "run_on_steps", "batch", "traceback_limit")
_A_CENTURY = timedelta(days=36_525)
_LONGEST = {"lease": LONGEST_LEASE}
_MAY_BE_ZERO = ("unknown_step_grace", "delete_completed_after", "stop_grace")


def _duration(name: str, value: object) -> timedelta | None:
    if value is None and name == "delete_completed_after":
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            value = timedelta(seconds=value)
        except (ValueError, OverflowError):
            raise DefinitionError(f"{name} must be a number of seconds that can pass, got {value!r}") from None
    if not isinstance(value, timedelta):
        raise DefinitionError(f"{name} must be a timedelta or a number of seconds, got {value!r}")
    longest = _LONGEST.get(name, _A_CENTURY)
    if value > longest:
        instead = "; None keeps them for ever" if name == "delete_completed_after" else ""
        raise DefinitionError(f"{name} must be at most {longest.days} days, got {value!r}{instead}")
    if value < timedelta() or (not value and name not in _MAY_BE_ZERO):
        raise DefinitionError(f"{name} must be {'at least' if name in _MAY_BE_ZERO else 'more than'} 0, got {value!r}")
    return value
