"""The columns of a journey: the same in every table, and the same in every home. DESIGN 5 says what each is for.

They are made anew for each root: a mixin with mapped columns of its own could not be used on a base whose classes are
dataclasses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Boolean, Integer, String
from sqlalchemy.orm import MappedColumn, mapped_column

from stepper_motor.journeys.row import Row, State
from stepper_motor.sqlalchemy.types import BIG_KEY, DATA, LONG_TEXT, STATE, TIME, name_of_at_most

ENGINE_COLUMNS = frozenset({*Row._fields, "type", "created_at", "allow_multiple", "hero_type", "hero_id", "key"})
"""Those that a flush never writes again once the journey exists."""


def _column(type_: Any, **options: Any) -> Callable[[], MappedColumn[Any]]:
    return lambda: mapped_column(type_, **options)


def _count() -> Callable[[], MappedColumn[Any]]:
    return _column(Integer, nullable=False, default=0)


# Eight-byte columns first, then four, then text: PostgreSQL pads less, and a journey that sleeps stays small.
COLUMNS: dict[str, Callable[[], MappedColumn[Any]]] = {
    "id": _column(BIG_KEY, primary_key=True),
    "next_step_to_be_performed_at": _column(TIME, nullable=True),
    "arrived_at": _column(TIME, nullable=False),
    "created_at": _column(TIME, nullable=False),
    "updated_at": _column(TIME, nullable=False),
    "lease_expires_at": _column(TIME, nullable=True),
    "ended_at": _column(TIME, nullable=True),
    "attempts": _count(),
    "failures": _count(),
    "losses": _count(),
    "round": _count(),
    "steps_entered": _count(),
    "steps_completed": _count(),
    "allow_multiple": _column(Boolean, nullable=False, default=False),
    "state": _column(STATE, nullable=False, default=State.READY),
    "fence": _column(name_of_at_most(32), nullable=False),
    "type": _column(name_of_at_most(100), nullable=False),
    "hero_type": _column(name_of_at_most(100), nullable=True),
    "hero_id": _column(name_of_at_most(200), nullable=True),
    "key": _column(name_of_at_most(100), nullable=False, default=""),
    "next_step_name": _column(name_of_at_most(200), nullable=True),
    "previous_step_name": _column(name_of_at_most(200), nullable=True),
    "performed_by": _column(String(100), nullable=True),
    "reason": _column(LONG_TEXT, nullable=True),
    "data": _column(DATA, nullable=False, default=dict),
}
"""How each is made, by its name."""
HERO_COLUMNS = ("hero_type", "hero_id")
