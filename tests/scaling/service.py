"""The motor of a worker process behind PgBouncer: `python -m stepper_motor --app tests.scaling.service worker`."""

from __future__ import annotations

import os
from typing import Any

from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import sessionmaker

from stepper_motor.sqlalchemy import Motor
from tests.sqlalchemy.app import url
from tests.sqlalchemy.errands import Journey
from tests.sqlalchemy.service import NAME

DRIVER = "STEPPER_MOTOR_TEST_DRIVER"
"""The environment variable that names one of these."""
LEASE = 8
"""Seconds. A claim that reaches the database after its worker has asked what became of it is left to its lease."""
DRIVERS: dict[str, dict[str, Any]] = {
    "psycopg": {"prepare_threshold": None},
    "psycopg_async": {"prepare_threshold": None},
    "asyncpg": {
        "statement_cache_size": 0,
        "prepared_statement_cache_size": 0,
        "prepared_statement_name_func": lambda: "",
    },
}
"""What each has to be told, so that it keeps no prepared statement beyond its transaction."""


def sessions(driver: str) -> Any:
    """What makes the sessions of an app with such a driver."""
    is_sync = driver == "psycopg"
    create, maker = (create_engine, sessionmaker) if is_sync else (create_async_engine, async_sessionmaker)
    where = url({"postgresql": f"postgresql+{driver.removesuffix('_async')}"}, NAME)
    return maker(create(where, connect_args=DRIVERS[driver]), expire_on_commit=False)


if DRIVER in os.environ:
    motor = Motor(sessions(os.environ[DRIVER]), journeys=Journey, recovery_interval=0.2, lease=LEASE)
