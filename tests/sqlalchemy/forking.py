"""An app that uses its motor, forks, and uses it in both processes: `python -m tests.sqlalchemy.forking perform`.

As a server does that loads the app before its workers, and a job system that forks for each job.
"""

from __future__ import annotations

import asyncio
import os
import sys
import warnings

from sqlalchemy import NullPool, create_engine, select
from sqlalchemy.orm import Session

from stepper_motor.testing import run_due
from tests.conditions import wait_until
from tests.sqlalchemy import start_errands
from tests.sqlalchemy.app import SYNC, url
from tests.sqlalchemy.errands import Short
from tests.sqlalchemy.service import DRIVER, NAME, motor
from tests.worker import diary


def perform() -> None:
    start_errands.main("Short", "1")
    perform_all()
    start_errands.main("Short", "40")
    child = fork()
    perform_all()
    if child:
        _, status = os.waitpid(child, 0)
        assert status == 0
        start_errands.main("Short", "1")
        perform_all()


def fork() -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it is told of the threads: they are what this is about
        return os.fork()


def perform_all() -> None:
    wait_until(lambda: not run_due(motor=motor) and not is_any_left(), what="all are finished")


def is_any_left() -> bool:
    engine = create_engine(url(SYNC, NAME), poolclass=NullPool)
    with Session(engine) as session:
        return session.scalar(select(Short.id).where(Short.state != "finished").limit(1)) is not None


def announce() -> None:
    start()
    wait_until(lambda: diary.is_open("fork"))
    child = fork()
    start()
    wait_until(lambda: diary.is_open("gate"))
    if child:
        _, status = os.waitpid(child, 0)
        assert status == 0


def start() -> None:
    """In a session of the motor's factory."""
    if os.environ[DRIVER] == "async":
        return asyncio.run(astart())
    with motor.session_factory.begin() as session:
        Short.start(session)
        engine = session.get_bind()
    engine.dispose()  # the app's own connections are the app's to keep from a fork


async def astart() -> None:
    async with motor.session_factory.begin() as session:
        await Short.astart(session)
        engine = session.bind
    await engine.dispose()


if __name__ == "__main__":
    {"perform": perform, "announce": announce}[sys.argv[1]]()
