"""Performers whose lease ran out write nothing; those that live keep their lease. SEMANTICS 8."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stepper_motor import Completed, State, step
from stepper_motor.motor.waiting import pause_for
from tests.conditions import wait_until
from tests.home import FAR_AHEAD, LONG_AGO, Customer, Journey, found, in_thread, in_transaction, put, start
from tests.semantics.elsewhere import elsewhere
from tests.semantics.seen import claimed_by, entries_of, recover, row_of, told

pytestmark = pytest.mark.database


def losing(*, of_class=None, **options):
    class Losing(Journey[Customer]):
        work = step(lambda self: None, name="work", **options)
        more = step(lambda self: None, name="more", wait=30)
        if of_class:
            if_lost = of_class

    return Losing


def overtaken(body):
    """A journey whose body finds, when it ends, that its lease ran out and somebody recovered it."""

    class Overtaken(Journey[Customer]):
        if_lost = "skip"

        @step
        def work(self):
            put(found(self), lease_expires_at=LONG_AGO)
            assert recover() == 1
            return body(self)

        @step
        def more(self): ...

    return Overtaken


LATE = [
    lambda self: self.data.update(late=True), lambda self: self.cancel(), lambda self: self.finish(),
    lambda self: self.jump_to("work"), lambda self: self.reattempt(),
]  # fmt: skip


@pytest.mark.parametrize("body", LATE)
def test_a_late_performer_writes_nothing(body, customer):
    journey = start(overtaken(body), customer)
    assert journey.perform_next_step() is None
    assert (journey.state, journey.next_step_name, journey.data) == (State.READY, "more", {})
    assert (journey.steps_entered, journey.steps_completed) == (0, 0)
    assert told(journey) == [("work", "lost")]


def test_the_exception_of_a_late_performer_is_raised_and_not_settled(customer):
    journey = start(overtaken(lambda self: 1 / 0), customer)
    with pytest.raises(ZeroDivisionError):
        journey.perform_next_step()
    assert (journey.state, told(journey)) == (State.READY, [("work", "lost")])


def test_nor_does_he_when_another_has_finished_meanwhile(customer):
    journey = start(overtaken(lambda self: found(self).perform_next_step()), customer)
    assert journey.perform_next_step() is None
    assert (journey.state, told(journey)) == (State.FINISHED, [("work", "lost"), ("more", "completed")])


def test_nor_when_another_is_at_the_very_same_step(customer):
    class Twice(Journey[Customer]):
        @step
        def work(self):
            if not self.attempts:
                put(found(self), lease_expires_at=LONG_AGO)
                recover()
                claimed_by(self, "my successor")
            self.data["by"] = self.performed_by

    journey = start(Twice, customer)
    assert journey.perform_next_step() is None
    row = row_of(journey)
    assert (row.state, row.performed_by, found(journey).data) == (State.PERFORMING, "my successor", {})


@pytest.mark.database(transaction=True)
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_lease_is_renewed_however_long_the_step_takes(kind, customer):
    def body(self):
        first = row_of(self).lease_expires_at
        wait_until(lambda: row_of(self).lease_expires_at > first + timedelta(seconds=1))
        assert recover() == 0

    async def later(self):
        await in_thread(lambda: body(self), inside=self)

    class Long(Journey[Customer]):
        lease = 1
        work = step(later if kind == "async" else body, name="work")

    journey = start(Long, customer)
    assert journey.perform_next_step() == Completed()
    assert told(journey) == [("work", "completed")]


@pytest.mark.database(transaction=True)
def test_a_busy_event_loop_does_not_silence_the_heartbeat(customer):
    async def blocks_the_loop(self):
        pause_for(1.5)

    class Blocking(Journey[Customer]):
        lease = 1
        work = step(blocks_the_loop, name="work")

    journey = start(Blocking, customer)
    assert journey.perform_next_step() == Completed()


@pytest.mark.only_on("postgresql", "mariadb")
@pytest.mark.database(transaction=True)
def test_recovery_can_not_overtake_a_renewal_and_does_not_wait_behind_it(customer):
    journey = start(losing(), customer)
    claimed_by(journey, "a worker")
    put(journey, lease_expires_at=LONG_AGO)
    with in_transaction():
        put(journey, lease_expires_at=FAR_AHEAD)  # holds the row's lock, as a renewal does
        assert elsewhere(recover) == 0
    assert recover() == 0
    assert (row_of(journey).state, entries_of(journey)) == (State.PERFORMING, [])
