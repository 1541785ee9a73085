"""What tests of the Django home look at: the row as the database has it, and the history it left."""

from __future__ import annotations

from typing import Any

from django.db import models

from stepper_motor.django import motor
from stepper_motor.journeys.row import Row
from stepper_motor.motor.housekeeping import Housekeeper
from stepper_motor.motor.ports import Claim


def found(journey: Any) -> Any:
    """The journey as the database has it now."""
    return type(journey)._base_manager.get(pk=journey.pk)


def row_of(journey: Any) -> Row:
    """The engine's columns as the database has them now."""
    return found(journey)._row


def entries_of(journey: Any) -> list[Any]:
    """The whole history, the oldest first."""
    return list(journey.History.objects.filter(journey_id=journey.pk))


def last_entry(journey: Any) -> Any:
    return entries_of(journey)[-1]


def told(journey: Any) -> list[tuple[str | None, str]]:
    """The history in short: (step, outcome)."""
    return [(entry.step_name, entry.outcome) for entry in entries_of(journey)]


def put(journey: Any, **columns: Any) -> Any:
    """Write the engine's columns past the engine: a past that would take long to live through."""
    models.QuerySet.update(type(journey)._base_manager.filter(pk=journey.pk), **columns)
    journey.refresh_from_db()
    return journey


def claimed_by(journey: Any, holder: str) -> Claim:
    """Somebody takes the journey, and nothing more is heard of him."""
    claim = journey._store.claim(journey.pk, None, holder)
    assert claim is not None
    return claim


def recover() -> int:
    """A round of recovery; returns how many were recovered."""
    recovered, failed = Housekeeper(motor()).recover()
    assert failed == 0
    return recovered
