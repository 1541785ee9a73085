"""Which home of the row the tests of the semantics run in: chosen through the environment, like the database.

    STEPPER_MOTOR_HOME    django (the default), sqlalchemy or sqlalchemy-async

Standard library only: the tools read it too.
"""

from __future__ import annotations

import os

HOMES = ("django", "sqlalchemy", "sqlalchemy-async")


def chosen() -> str:
    home = os.environ.get("STEPPER_MOTOR_HOME") or "django"
    if home not in HOMES:
        raise ValueError(f"STEPPER_MOTOR_HOME must be one of {', '.join(HOMES)}, got {home!r}")
    return home
