"""What the tests of tickets share: a queue that keeps what it is given, and schedulers on it, in each home."""

from __future__ import annotations

import pytest

from stepper_motor import CyclicScheduler, ForwardScheduler
from stepper_motor.motor import attempt
from tests.home import configured
from tests.semantics.conftest import (  # noqa: F401  # fixtures, and a hook
    _database,
    _forget_the_journeys_of_a_test,
    _in_the_database,
    clock,
    customer,
    pytest_runtest_protocol,
)
from tests.tickets.hearing import Heard
from tests.tickets.keeping import KeepingQueue


@pytest.fixture(autouse=True)
def _unhurried(monkeypatch):
    """However busy the machine is, a journey runs on for as many steps as it may."""
    monkeypatch.setattr(attempt, "RUN_ON_SECONDS", 60.0)


@pytest.fixture
def queue():
    return KeepingQueue()


@pytest.fixture
def forward(queue):
    """The motor has a ForwardScheduler on the queue."""
    scheduler = ForwardScheduler(queue)
    with configured(scheduler=scheduler):
        yield scheduler


@pytest.fixture
def cyclic(queue):
    """The motor has a CyclicScheduler on the queue, with the cycle that the test asks for."""

    def cycling(seconds):
        return configured(scheduler=CyclicScheduler(queue, cycle_duration=seconds))

    return cycling


@pytest.fixture
def heard():
    with Heard() as heard:
        yield heard
