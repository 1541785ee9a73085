"""What happened to a journey, as text: the second half of every message of the helpers."""

from __future__ import annotations

from typing import Any

from stepper_motor.journeys.journey import JourneyBase
from stepper_motor.journeys.row import Entry
from stepper_motor.journeys.wording import clock

ALL = 1_000_000
"""Entries of one journey: more than a test makes."""
MOST = 20
"""Lines of the history that a message shows: the last ones."""


def story(journey: JourneyBase[Any]) -> str:
    """The journey's history, a line for each performance and intervention, and where the journey stands now."""
    fresh = fresh_copy(journey)
    if fresh is None:
        return "Its row is gone, and its history with it."
    lines = [_line(entry) for entry in entries_of(journey)]
    left_out = [f"  ... {len(lines) - MOST} earlier lines"] if len(lines) > MOST else []
    history = ["History so far:", *left_out, *lines[-MOST:]] if lines else ["Nothing has happened to it so far."]
    return "\n".join([*history, str(fresh.explain())])


def name_of(journey: JourneyBase[Any]) -> str:
    """How messages call a journey."""
    return f"{type(journey).__name__} {journey._id}"


def fresh_copy(journey: JourneyBase[Any]) -> JourneyBase[Any] | None:
    """The journey as it stands in the database; None if its row is gone."""
    found: dict[Any, JourneyBase[Any]] = journey._reading_store.load([journey._id])
    return found.get(journey._id)


def entries_of(journey: JourneyBase[Any]) -> list[Entry]:
    """The entries of the journey's history, the oldest first."""
    entries: list[Entry] = journey._reading_store.entries(journey._id, ALL)
    return entries


def _line(entry: Entry) -> str:
    return f"  {clock(entry.finished_at)}  {entry.step_name or 'no step'}{_who(entry)}: {entry.outcome}{_what(entry)}"


def _who(entry: Entry) -> str:
    if entry.attempt is None:
        return f" (from outside, by {entry.by})" if entry.by else " (from outside)"
    return f" (attempt {entry.attempt})" if entry.attempt > 1 else ""


def _what(entry: Entry) -> str:
    became = "" if entry.outcome == entry.state else f", {entry.state}"
    error = f"{entry.error_class}: {entry.message}" if entry.error_class else None
    why = ", ".join(filter(None, (entry.reason, error)))
    return f"{became} ({why})" if why else became
