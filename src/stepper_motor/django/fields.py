"""The columns of a journey that need something of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from stepper_motor.journeys.row import State

if TYPE_CHECKING:
    _CharField = models.CharField[Any, Any]
else:
    _CharField = models.CharField


class NameField(_CharField):
    """Text whose case is significant on every database (MySQL and MariaDB would fold it)."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        db_type = super().db_type(connection)
        if connection.vendor == "mysql" and db_type:
            return f"{db_type} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
        return db_type


if TYPE_CHECKING:
    _StateBase = models.CharField[str | State, State]
else:
    _StateBase = NameField


class StateField(_StateBase):
    """A state; reads as `State`."""

    def from_db_value(self, value: str | None, expression: object, connection: object) -> State | None:
        return None if value is None else State(value)

    def to_python(self, value: Any) -> Any:
        return State(value) if isinstance(value, str) and value in State._value2member_map_ else value

    def get_prep_value(self, value: Any) -> Any:
        return str(value) if isinstance(value, State) else super().get_prep_value(value)
