"""The motor of a worker process that a test starts: `python -m stepper_motor --app tests.sqlalchemy.service worker`."""

from __future__ import annotations

import json
import os
from typing import Any

from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import sessionmaker

from stepper_motor.sqlalchemy import Motor, sqlite
from tests import databases
from tests.sqlalchemy.app import ASYNC, SYNC, url
from tests.sqlalchemy.errands import Journey

DRIVER = "STEPPER_MOTOR_TEST_DRIVER"
"""The environment variable that says whether it is a sync or an async one."""
NAME = f"{databases.name()}_service"
"""Of its database."""


def sessions(driver: str, **options: Any) -> Any:
    """What makes the sessions of an app with such a driver."""
    if driver == "sync":
        engine = create_engine(url(SYNC, NAME), **options)
        sqlite.configure(engine)
        return sessionmaker(engine, expire_on_commit=False)
    async_engine = create_async_engine(url(ASYNC, NAME), **options)
    sqlite.configure(async_engine)
    return async_sessionmaker(async_engine, expire_on_commit=False)


if DRIVER in os.environ:
    settings = json.loads(os.environ.get("STEPPER_MOTOR_TEST_SETTINGS", "{}"))
    motor = Motor(sessions(os.environ[DRIVER]), journeys=Journey, **settings)
