"""What the tests look at: the row as the database has it, and the history it left."""

from __future__ import annotations

from typing import Any

from stepper_motor.journeys.row import Row
from stepper_motor.motor.housekeeping import Housekeeper
from stepper_motor.motor.ports import Claim
from tests.home import found, motor, these


def row_of(journey: Any, *, inside: Any = None) -> Row:
    """The engine's columns as the database has them now."""
    return found(journey, inside=inside)._row


def entries_of(journey: Any) -> list[Any]:
    """The whole history, the oldest first."""
    return list(these(journey.History, journey_id=journey.id).order_by("id"))


def last_entry(journey: Any) -> Any:
    return entries_of(journey)[-1]


def only_entry(journey: Any) -> Any:
    (entry,) = entries_of(journey)
    return entry


def told(journey: Any) -> list[tuple[str | None, str]]:
    """The history in short: (step, outcome)."""
    return [(entry.step_name, entry.outcome) for entry in entries_of(journey)]


def claimed_by(journey: Any, holder: str) -> Claim:
    """Somebody takes the journey, and nothing more is heard of him."""
    claim = journey._store.performing().claim(journey.id, None, holder)
    assert claim is not None
    return claim


def recover() -> int:
    """A round of recovery; returns how many were recovered."""
    recovered, failed = Housekeeper(motor()).recover()
    assert failed == 0
    return recovered
