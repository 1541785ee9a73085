"""The SQLAlchemy home: no-op steps with a sync and an async driver, and thousands of async steps that wait.

    python -m benchmarks.on_sqlalchemy
    python -m benchmarks.on_sqlalchemy --journeys 3000 --runs 5

On PostgreSQL, one worker in one process. "No-op" are three steps that do nothing, for journeys with a hero each; "naps"
are three async steps that await 50 ms each. Medians of runs that take turns; the connections are counted by the server.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter, process_time
from typing import Any

os.environ.setdefault("STEPPER_MOTOR_DATABASE", "postgresql")

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session, sessionmaker

from stepper_motor import step
from stepper_motor.sqlalchemy import Motor
from tests import databases
from tests.sqlalchemy.app import ASYNC, SYNC, Base, Journey, User, database, url

NAP = 0.05
"""Seconds."""
STEPS = 3


class NoOps(Journey):
    @step
    def one(self): ...

    @step
    def two(self): ...

    @step
    def three(self): ...


class Naps(Journey):
    @step
    async def one(self):
        await asyncio.sleep(NAP)

    @step
    async def two(self):
        await asyncio.sleep(NAP)

    @step
    async def three(self):
        await asyncio.sleep(NAP)


@dataclass(frozen=True)
class Measured:
    seconds: float
    cpu_seconds: float
    connections: int


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--journeys", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    name = f"{databases.name()}_benchmark"
    cases: dict[str, tuple[type[Journey], Callable[[], Any]]] = {
        "no-op, psycopg": (NoOps, lambda: sessionmaker(create_engine(url(SYNC, name)))),
        "no-op, asyncpg": (NoOps, lambda: async_sessionmaker(create_async_engine(url(ASYNC, name)))),
        "naps, asyncpg": (Naps, lambda: async_sessionmaker(create_async_engine(url(ASYNC, name)))),
    }
    with database(name):
        engine = create_engine(url(SYNC, name))
        Base.metadata.create_all(engine)
        found: dict[str, list[Measured]] = {case: [] for case in cases}
        for _ in range(options.runs):
            for case, (cls, factory) in cases.items():
                found[case].append(_run(engine, cls, factory, options.journeys))
        engine.dispose()
    for case, measured in found.items():
        _report(case, measured, options.journeys)


def _run(engine: Engine, cls: type[Journey], factory: Callable[[], Any], count: int) -> Measured:
    with Session(engine) as session:
        heroes = [User(name=f"hero {number}") for number in range(count)]
        session.add_all(heroes)
        session.flush()
        session.add_all(cls(hero=hero) for hero in heroes)
        session.commit()
    motor = Motor(factory(), journeys=Journey)
    worker = motor.worker()
    with _most_connections(engine) as most:
        began, cpu_began = perf_counter(), process_time()
        worker.run(once=True)
        seconds, cpu_seconds = perf_counter() - began, process_time() - cpu_began
    motor.close()
    with Session(engine) as session:
        undone = session.execute(text("SELECT count(*) FROM stepper_motor_journeys WHERE state <> 'finished'")).scalar()
        assert undone == 0, f"{undone} journeys have not ended"
        session.execute(text("TRUNCATE stepper_motor_journeys, stepper_motor_history, users"))
        session.commit()
    return Measured(seconds, cpu_seconds, max(most))


@contextmanager
def _most_connections(engine: Engine) -> Iterator[list[int]]:
    """The connections of others to the database, as the server counts them while the block runs."""
    counted, over = [0], threading.Event()

    def count() -> None:
        watching = engine.execution_options(isolation_level="AUTOCOMMIT")
        asked = text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        with watching.connect() as connection:
            while not over.wait(0.05):
                counted.append(connection.execute(asked).scalar() or 0)

    thread = threading.Thread(target=count)
    thread.start()
    try:
        yield counted
    finally:
        over.set()
        thread.join()


def _report(case: str, measured: list[Measured], journeys: int) -> None:
    seconds = statistics.median(each.seconds for each in measured)
    cpu = statistics.median(each.cpu_seconds for each in measured)
    steps = journeys * STEPS
    print(
        f"{case}: {steps} steps in {seconds:.2f} s, {steps / seconds:,.0f} a second, {cpu / steps * 1e6:.0f} us of CPU "
        f"a step, at most {max(each.connections for each in measured)} connections"
    )


if __name__ == "__main__":
    main()
