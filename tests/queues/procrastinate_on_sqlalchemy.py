"""An app with SQLAlchemy and Procrastinate on one database: what its processes import.

STEPPER_MOTOR_TEST_URL    the database, with the driver that the app uses
"""

from __future__ import annotations

import os
from typing import Any

import procrastinate
from sqlalchemy import NullPool, create_engine, make_url
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, sessionmaker

from stepper_motor import step
from stepper_motor.motor.schedulers import ForwardScheduler
from stepper_motor.queues.procrastinate import ProcrastinateQueue
from stepper_motor.sqlalchemy import JourneyMixin, Motor
from tests.worker import diary

URL = "STEPPER_MOTOR_TEST_URL"


class Base(DeclarativeBase): ...


class Journey(JourneyMixin, Base): ...


class Walk(Journey):
    """A step, a wait, a step."""

    @step
    def one(self):
        diary.write(self.id, "one")

    @step(wait=0.3)
    def two(self):
        diary.write(self.id, "two")


def made_app(url: str) -> procrastinate.App:
    parts = make_url(url)
    told = {"host": parts.host, "port": parts.port, "user": parts.username, "password": parts.password}
    return procrastinate.App(connector=procrastinate.PsycopgConnector(kwargs={**told, "dbname": parts.database}))


def made_motor(url: str, app: procrastinate.App, **options: Any) -> Motor:
    factory: Any = (
        sessionmaker(create_engine(url, poolclass=NullPool))
        if url.startswith("postgresql+psycopg:")
        else async_sessionmaker(create_async_engine(url, poolclass=NullPool))
    )
    return Motor(factory, journeys=Journey, scheduler=ForwardScheduler(ProcrastinateQueue(app, **options)))


if URL in os.environ:
    app = made_app(os.environ[URL])
    motor = made_motor(os.environ[URL], app)
