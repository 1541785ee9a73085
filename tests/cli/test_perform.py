"""`perform` performs the next step of a journey, here and now."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from stepper_motor import State, step
from tests.cli.running import lines, refusal
from tests.home import Drip, Journey, found, start

pytestmark = pytest.mark.database


def test_it_says_what_came_of_it_and_what_comes_next(clock):
    journey = start(Drip)

    assert lines("perform", journey._id) == [
        f"{journey._id}: Step 'welcome': completed. Waits until 2030-01-12 12:00:00 UTC (in 2 days) for step 'remind'. "
        "Step 'remind' is performed then; after it, step 'farewell' comes at about 2030-02-11 12:00:00 UTC (in 32 days)."
    ]


def test_an_async_step_is_performed_as_well():
    class Awaited(Journey):
        @step
        async def nap(self):
            self.data["napped"] = True

    journey = start(Awaited)

    assert lines("perform", journey._id)[0].startswith(f"{journey._id}: Step 'nap': completed. Finished")
    assert found(journey).data == {"napped": True}


def test_a_step_that_fails_is_settled_and_said(caplog):
    class Failing(Journey):
        @step
        def work(self):
            raise RuntimeError("no luck")

    journey = start(Failing)
    with caplog.at_level(logging.CRITICAL, "stepper_motor"):
        told = refusal("perform", journey._id)

    assert told.startswith(f"{journey._id}: Step 'work' failed: RuntimeError: no luck. Paused")
    assert found(journey).state is State.PAUSED


def test_what_is_not_due_is_not_performed(clock):
    journey = start(Drip, at=clock.at + timedelta(days=1))

    assert refusal("perform", journey._id).startswith(f"{journey._id}: Nothing was performed. Waits until 2030-01-11")
    assert found(journey).steps_entered == 0


def test_a_journey_that_is_not_there_is_refused():
    assert refusal("perform", 4711) == "there is no journey 4711"
