"""What a home raises, where the tests have to name it."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, PendingRollbackError
from sqlalchemy.orm.exc import StaleDataError

from stepper_motor import StepperMotorError
from tests import databases
from tests.home.sqlalchemy.sessions import motor

DatabaseError = DBAPIError
CheckViolation = (IntegrityError, OperationalError)
"""MariaDB's has no class of its own."""
ConnectionLost = (DBAPIError, PendingRollbackError)
CUT = r"(?i)clos|no active connection|not connected|\(0, ''\)"
"""What is said of a connection that was cut."""
NotJson = ValueError
NOT_STARTED = (StepperMotorError, "belongs to no session: session.add")
"""What a verb says of a journey that was never saved."""
RowGone = StaleDataError
"""What saving a record raises whose row is gone."""


class Deadlock(Exception):
    """What a driver raises."""

    sqlstate = "40P01"


def transient_error() -> OperationalError:
    """What this database says when it has rolled a transaction back, and another attempt is worth it."""
    by_database = {
        "postgresql": Deadlock("deadlock detected"),
        "mariadb": Exception(1213, "Deadlock found"),
        "sqlite": Exception("database is locked"),
    }
    error = OperationalError("UPDATE", {}, by_database[databases.chosen()])
    assert motor().stores[0].is_transient(error)
    return error
