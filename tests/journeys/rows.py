"""Rows for the tests of the lifecycle, and the tables of the contract as text.

In the row that every case begins with no two values are alike, so that a value that went astray shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stepper_motor.journeys.row import Row, State

NOW = datetime(2030, 1, 10, 12, tzinfo=UTC)
DUE = NOW - timedelta(minutes=5)
BEGAN = NOW - timedelta(minutes=4)
ARRIVED = NOW - timedelta(days=1)
ENDED = NOW - timedelta(seconds=30)
LATER = NOW + timedelta(days=2)
LEASE = NOW + timedelta(seconds=40)
LAPSED = NOW - timedelta(seconds=20)

THIS, FOLLOWING, ELSEWHERE = "charge", "ship", "thank"
OLD, NEW = "the old fence", "the new fence"

READY = Row(
    state=State.READY,
    reason="as it was",
    previous_step_name="pack",
    next_step_name=THIS,
    next_step_to_be_performed_at=DUE,
    attempts=6,
    failures=3,
    losses=1,
    round=11,
    steps_entered=9,
    steps_completed=5,
    fence=OLD,
    arrived_at=ARRIVED,
    lease_expires_at=None,
    performed_by=None,
    updated_at=BEGAN,
    ended_at=None,
)
HELD: dict[str, Any] = {"performed_by": "worker 1", "lease_expires_at": LEASE}
LOST: dict[str, Any] = {"performed_by": "worker 1", "lease_expires_at": LAPSED}

STANDING = {
    "ready": READY,
    "performing": READY._replace(state=State.PERFORMING, **HELD),
    "performing, lost": READY._replace(state=State.PERFORMING, **LOST),
    "paused": READY._replace(state=State.PAUSED),
    "paused, held": READY._replace(state=State.PAUSED, **HELD),
    "paused, lost": READY._replace(state=State.PAUSED, **LOST),
    "paused, no due": READY._replace(state=State.PAUSED, next_step_to_be_performed_at=None),
    "canceled": READY._replace(state=State.CANCELED, ended_at=ENDED),
    "canceled, held": READY._replace(state=State.CANCELED, ended_at=ENDED, **HELD),
    "canceled, lost": READY._replace(state=State.CANCELED, ended_at=ENDED, **LOST),
    "finished": READY._replace(
        state=State.FINISHED, next_step_name=None, next_step_to_be_performed_at=None, ended_at=ENDED
    ),
}
"""Every way in which a row can stand."""

COLUMNS = {
    "state": "state",
    "previous": "previous_step_name",
    "next": "next_step_name",
    "due": "next_step_to_be_performed_at",
    "in": "steps_entered",
    "done": "steps_completed",
    "att": "attempts",
    "fail": "failures",
    "lost": "losses",
    "round": "round",
    "fence": "fence",
    "arrived": "arrived_at",
    "ended": "ended_at",
    "held": "held",
}
WORDS: dict[str, Any] = {
    "null": None,
    "this": THIS,
    "following": FOLLOWING,
    "elsewhere": ELSEWHERE,
    "now": NOW,
    "later": LATER,
    "new": NEW,
    "yes": True,
    "no": False,
    **{state.value: state for state in State},
}


@dataclass(frozen=True)
class Case:
    """One line of a table: what each column of the row becomes."""

    name: str
    cells: dict[str, str]

    def becomes(self, before: Row) -> dict[str, Any]:
        """The columns that the row must have then."""
        return {column: self._value(cell, getattr(before, COLUMNS[column])) for column, cell in self.cells.items()}

    @staticmethod
    def _value(cell: str, was: Any) -> Any:
        if cell == "=":
            return was
        if cell.startswith("+"):
            return was + int(cell)
        return int(cell) if cell.isdigit() else WORDS[cell]


def table(text: str) -> list[Case]:
    """The lines of a table: `|` after the name, then a cell for each column that the first line names.

    `=` is as it was, `+1` one more; other words are those of WORDS.
    """
    head, *lines = [line for line in text.strip().splitlines() if line.strip()]
    columns = head.partition("|")[2].split()
    return [Case(name.strip(), _cells(columns, cells)) for name, _, cells in (line.partition("|") for line in lines)]


def _cells(columns: list[str], cells: str) -> dict[str, str]:
    return dict(zip(columns, cells.split(), strict=True))


def each(cases: list[Case]) -> list[Any]:
    return [pytest.param(case, id=case.name) for case in cases]


def columns_of(row: Row) -> dict[str, Any]:
    """What a table tells of a row."""
    return {column: getattr(row, name) for column, name in COLUMNS.items()}
