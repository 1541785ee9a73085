"""What a home raises, where the tests have to name it."""

from __future__ import annotations

from django.db import DatabaseError, IntegrityError, OperationalError, connection

from stepper_motor import InvalidState
from stepper_motor.django import Journey
from stepper_motor.django.database import DjangoDatabase

CheckViolation = IntegrityError
ConnectionLost = DatabaseError
CUT = r"(?i)clos"
NotJson = DatabaseError
NOT_STARTED = (InvalidState, "can't cancel a journey that is not started: save it first")
"""What a verb says of a journey that was never saved."""
RowGone = DatabaseError
"""What saving a record raises whose row is gone."""


def transient_error() -> OperationalError:
    """What this database says when it has rolled a transaction back, and another attempt is worth it."""
    error = OperationalError(1213, "Deadlock found: database is locked")
    if connection.vendor == "postgresql":
        from psycopg.errors import DeadlockDetected

        error.__cause__ = DeadlockDetected("deadlock detected")
    assert DjangoDatabase(Journey, "default").is_transient(error)
    return error
