"""SystemExit, KeyboardInterrupt and cancellation, at a stop and at any other time. SEMANTICS 4 and 8."""

from __future__ import annotations

import asyncio
from typing import ClassVar

import pytest

from stepper_motor import State, step
from stepper_motor.motor.worker import Worker
from tests.home import Customer, Journey, found, motor, put, start, tell
from tests.semantics.seen import last_entry, row_of, told

pytestmark = pytest.mark.database


IF_LOST = [("reattempt", State.READY, "work"), ("pause", State.PAUSED, "work"), ("cancel", State.CANCELED, "work"),
           ("skip", State.READY, "more")]  # fmt: skip


class Stopped(Journey[Customer]):
    worker: ClassVar[Worker]
    interrupt: ClassVar[type[BaseException]] = SystemExit

    @step
    def work(self):
        tell(self, "begun")
        self.data["half done"] = True
        self.worker.stop()
        raise self.interrupt

    @step
    def more(self): ...


@pytest.mark.database(transaction=True)
@pytest.mark.parametrize("interrupt", [SystemExit, KeyboardInterrupt, asyncio.CancelledError])
def test_an_interrupt_at_a_stop_is_a_loss_that_does_not_count_towards_poison(interrupt, customer):
    journey = start(Stopped, customer)
    put(journey, losses=2)
    Stopped.worker, Stopped.interrupt = Worker(motor(), concurrency=1), interrupt
    Stopped.worker.run()
    row = row_of(journey)
    assert (row.state, row.next_step_name, row.performed_by) == (State.READY, "work", None)
    assert (row.attempts, row.losses, row.failures) == (1, 2, 0)
    assert (row.steps_entered, found(journey).data) == (0, {})
    assert row.fence != journey.fence
    assert told(journey) == [("work", "lost")]
    assert "stop" in last_entry(journey).reason


@pytest.mark.database(transaction=True)
@pytest.mark.parametrize(("choice", "state", "next_step"), IF_LOST)
def test_it_is_handled_at_once_by_if_lost(choice, state, next_step, customer):
    Choosing = type("Choosing", (Stopped,), {"if_lost": choice, "__module__": __name__})
    journey = start(Choosing, customer)
    Stopped.worker, Stopped.interrupt = Worker(motor(), concurrency=1), SystemExit
    Stopped.worker.run()
    assert (row_of(journey).state, row_of(journey).next_step_name) == (state, next_step)


def test_at_any_other_time_it_is_an_exception_under_the_policy(customer):
    class Exiting(Journey[Customer]):
        @step(on_exception="skip")
        def work(self):
            raise SystemExit(2)

        @step
        def more(self): ...

    journey = start(Exiting, customer)
    with pytest.raises(SystemExit):
        journey.perform_next_step()
    assert (journey.next_step_name, told(journey)) == ("more", [("work", "failed")])
