"""Whatever the queue does, every journey ends as it would have without one. DESIGN 1.2.

STEPPER_MOTOR_VOYAGES    how many are made in memory (2,000), and a hundredth of that in the database under test
STEPPER_MOTOR_SEED       the seed of the first (1); a failure names the one that failed
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from types import new_class
from typing import Any

import pytest

from stepper_motor.motor.motor import Motor
from stepper_motor.motor.ports import JourneyId, Store
from stepper_motor.motor.schedulers import Scheduler
from stepper_motor.testing.memory import MemoryJourney, MemoryMotor
from tests.home import Journey, configured, motor, start
from tests.tickets.at_work import apart
from tests.tickets.hostile import Stage, Voyage, itinerary, told

VOYAGES = int(os.environ.get("STEPPER_MOTOR_VOYAGES", "2000"))
KEPT: dict[str, Any] = {"delete_completed_after": None}
"""What has ended is looked at in the end."""
SEED = int(os.environ.get("STEPPER_MOTOR_SEED", "1"))


class InMemory(Stage):
    def __init__(self) -> None:
        self._classes: dict[int, Any] = {}
        self._motor = MemoryMotor()

    @property
    def motor(self) -> Motor:
        return self._motor

    @contextmanager
    def has(self, scheduler: Scheduler | None) -> Iterator[None]:
        self._motor = MemoryMotor(*self._classes.values(), scheduler=scheduler, **KEPT)
        yield

    def define(self, number: int) -> Any:
        if number not in self._classes:
            members = itinerary(number)
            self._classes[number] = new_class(
                f"Voyage{number}", (MemoryJourney,), exec_body=lambda b: b.update(members)
            )
        return self._classes[number]

    def start(self, cls: Any, data: Any) -> JourneyId:
        return cls.start(data=data).id

    def store_of(self, cls: Any) -> Store:
        return self._motor.store


class InTheDatabase(Stage):
    def __init__(self) -> None:
        self._classes: dict[int, Any] = {}

    @property
    def motor(self) -> Motor:
        return motor()

    @contextmanager
    def has(self, scheduler: Scheduler | None) -> Iterator[None]:
        with configured(**KEPT, **({"scheduler": scheduler} if scheduler else {})):
            yield

    def define(self, number: int) -> Any:
        if number not in self._classes:
            within = {"__module__": __name__, "__qualname__": f"<locals>.Voyage{number}", **itinerary(number)}
            self._classes[number] = new_class(f"Voyage{number}", (Journey,), exec_body=lambda b: b.update(within))
        return self._classes[number]

    def start(self, cls: Any, data: Any) -> JourneyId:
        return start(cls, data=data).id

    def store_of(self, cls: Any) -> Store:
        return self.motor.stores[0]

    def call(self, function: Any) -> Any:
        return apart(function)


@pytest.fixture(autouse=True)
def _quiet(caplog):
    """There is trouble all the time."""
    caplog.set_level(logging.CRITICAL, "stepper_motor")


def make(stage: Stage, seed: int) -> None:
    with told(seed):
        alone = Voyage(stage, seed).without_a_queue()
        assert Voyage(stage, seed).with_a_hostile_queue() == alone, f"voyage {seed} ends otherwise"


@pytest.mark.pure
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_in_memory_thousands_of_journeys_end_as_they_would_without_a_queue():
    stage = InMemory()
    for seed in range(SEED, SEED + VOYAGES):
        make(stage, seed)


@pytest.mark.database(transaction=True)
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_in_the_database_dozens_of_journeys_end_as_they_would_without_a_queue():
    stage = InTheDatabase()
    for seed in range(SEED, SEED + VOYAGES // 100):
        make(stage, seed)
