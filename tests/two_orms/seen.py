"""What one side sees of a journey, in a form in which it can be compared with what the other sees."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stepper_motor.journeys.row import Row

ENTRY = (
    "id", "journey_id", "step_name", "attempt", "outcome", "state", "reason", "error_class", "message", "traceback",
    "performed_by", "started_at", "finished_at",
)  # fmt: skip
"""The columns of an entry in the history."""


@dataclass(frozen=True)
class Seen:
    """All columns of a journey, and its history."""

    class_name: str
    type: str
    hero_type: str | None
    hero_id: str | None
    key: str
    allow_multiple: bool
    data: Any
    created_at: datetime
    row: Row
    history: list[tuple[Any, ...]]

    @property
    def outcomes(self) -> list[tuple[str, str]]:
        """(step, outcome) of each entry."""
        return [(entry[ENTRY.index("step_name")], entry[ENTRY.index("outcome")]) for entry in self.history]
