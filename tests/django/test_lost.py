"""Lost performances: leases, recovery, if_lost, poison, late performers, interrupts at a stop. SEMANTICS 8."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.db import connections, transaction

from stepper_motor import Completed, State, step
from stepper_motor.django import Journey, motor
from stepper_motor.motor.waiting import pause_for
from stepper_motor.motor.worker import Worker
from tests.conditions import wait_until
from tests.django.seen import claimed_by, entries_of, found, last_entry, put, recover, row_of, told
from tests.shop.models import Customer, Payment, PaymentJourney, Spy

pytestmark = pytest.mark.django_db

LEASE = timedelta(seconds=60)


def losing(*, of_class=None, **options):
    class Losing(Journey[Customer]):
        work = step(lambda self: None, name="work", **options)
        more = step(lambda self: None, name="more", wait=30)
        if of_class:
            if_lost = of_class

    return Losing


def lose(journey, clock):
    """Somebody claims it, dies, and its lease runs out."""
    claimed_by(journey, "a worker that dies")
    clock.move(LEASE)
    return recover()


def test_as_long_as_the_lease_lives_nobody_recovers(clock, customer):
    journey = losing().start(customer)
    claimed_by(journey, "a worker")
    clock.move(LEASE - timedelta(microseconds=1))
    assert recover() == 0
    assert row_of(journey).state == State.PERFORMING
    clock.move(timedelta(microseconds=1))
    assert recover() == 1


def test_a_lost_performance_is_put_back_by_default(clock, customer):
    journey = losing().start(customer)
    before = row_of(journey)
    assert lose(journey, clock) == 1
    row = row_of(journey)
    assert (row.state, row.next_step_name, row.next_step_to_be_performed_at) == (State.READY, "work", clock.now())
    assert (row.attempts, row.losses, row.failures, row.round) == (1, 1, 0, 0)
    assert row.fence != before.fence
    assert found(journey).perform_next_step() == Completed()


IF_LOST = [("reattempt", State.READY, "work"), ("pause", State.PAUSED, "work"), ("cancel", State.CANCELED, "work"),
           ("skip", State.READY, "more")]  # fmt: skip


@pytest.mark.parametrize(("choice", "state", "next_step"), IF_LOST)
@pytest.mark.parametrize("where", ["step", "class"])
def test_if_lost_of_the_step_else_of_the_class(where, choice, state, next_step, clock, customer):
    other = "pause" if choice == "cancel" else "cancel"
    Losing = losing(if_lost=choice, of_class=other) if where == "step" else losing(of_class=choice)
    journey = Losing.start(customer)
    lose(journey, clock)
    row = row_of(journey)
    assert (row.state, row.next_step_name, row.performed_by) == (state, next_step, None)
    assert last_entry(journey).outcome == "lost"


def test_when_stuck_is_another_name_of_it(clock, customer):
    class Stuck(Journey[Customer]):
        when_stuck = "cancel"

        @step
        def work(self): ...

    journey = Stuck.start(customer)
    lose(journey, clock)
    assert row_of(journey).state == State.CANCELED


def test_after_a_skip_the_next_wait_counts_from_the_recovery(clock, customer):
    journey = losing(if_lost="skip").start(customer)
    lose(journey, clock)
    assert row_of(journey).next_step_to_be_performed_at == clock.now() + timedelta(seconds=30)


def test_the_lost_attempt_is_told_with_who_lost_it_and_when_it_began(clock, customer):
    journey = losing().start(customer)
    began = clock.now()
    lose(journey, clock)
    entry = last_entry(journey)
    assert (entry.step_name, entry.attempt, entry.outcome, entry.state) == ("work", 1, "lost", State.READY)
    assert (entry.by, entry.reason) == ("a worker that dies", "the performer's lease ran out")
    assert (entry.started_at, entry.finished_at) == (began, clock.now())


def test_lost_three_times_in_a_row_it_is_paused(clock, customer):
    journey = losing().start(customer)
    for _ in range(3):
        lose(journey, clock)
    row = row_of(journey)
    assert (row.state, row.losses, row.attempts) == (State.PAUSED, 3, 3)
    assert row.reason == "lost 3 times in a row at step 'work'"
    assert told(journey) == [("work", "lost")] * 3


def test_a_failure_in_between_breaks_the_row(clock, customer):
    class Flaky(Journey[Customer]):
        on_exception = "reattempt"

        @step
        def work(self):
            raise OSError

    journey = Flaky.start(customer)
    lose(journey, clock)
    lose(journey, clock)
    with pytest.raises(OSError, match=r"^$"):
        found(journey).perform_next_step()
    assert (row_of(journey).losses, row_of(journey).failures) == (0, 1)
    clock.move(timedelta(minutes=1))
    lose(journey, clock)
    assert (row_of(journey).state, row_of(journey).losses) == (State.READY, 1)


def test_a_resume_gives_a_poisoned_journey_three_more(clock, customer):
    journey = losing().start(customer)
    for _ in range(3):
        lose(journey, clock)
    found(journey).resume()
    lose(journey, clock)
    assert (row_of(journey).state, row_of(journey).losses, row_of(journey).attempts) == (State.READY, 1, 4)


def test_a_journey_with_a_table_of_its_own_is_recovered_as_well(clock):
    journey = PaymentJourney.start(Payment.objects.create(amount=5))
    lose(journey, clock)
    assert (row_of(journey).state, told(journey)) == (State.READY, [("initiate", "lost")])
    found(journey).perform_next_step()
    assert told(journey)[-1] == ("initiate", "completed")


def test_recovery_leaves_alone_what_nobody_holds(clock, customer):
    paused = losing().start(customer)
    paused.pause()
    canceled = losing().start(customer, key="too")
    canceled.cancel()
    before = row_of(paused), row_of(canceled)
    clock.move(timedelta(days=365))
    assert recover() == 0
    assert (row_of(paused), row_of(canceled)) == before


def test_a_row_of_a_type_that_is_not_known_is_not_recovered(clock, customer):
    journey = losing().start(customer)
    claimed_by(journey, "a newer process")
    put(journey, type="shop.FromTheFuture")
    clock.move(timedelta(days=1))
    assert recover() == 0
    assert row_of(journey).performed_by == "a newer process"


def test_one_whose_step_is_not_known_is_recovered_after_the_grace_and_paused(clock, customer):
    journey = losing(if_lost="cancel").start(customer)
    claimed_by(journey, "a newer process")
    put(journey, next_step_name="from the future")
    clock.move(LEASE + timedelta(minutes=10) - timedelta(seconds=1))
    assert recover() == 0
    clock.move(timedelta(seconds=1))
    assert recover() == 1
    row = row_of(journey)
    assert (row.state, row.next_step_name, row.previous_step_name) == (State.PAUSED, "from the future", None)
    assert "does not know" in row.reason


def test_one_row_that_can_not_be_handled_does_not_stop_the_others(clock, customer):
    class Broken(Journey[Customer]):
        if_lost = "skip"

        @step
        def work(self): ...

        @step(wait=lambda self: 1 / 0)
        def more(self): ...

    broken, sound = Broken.start(customer), losing().start(customer)
    claimed_by(broken, "a worker that dies")
    claimed_by(sound, "a worker that dies")
    clock.move(LEASE)
    recover()
    assert row_of(sound).state == State.READY
    assert (row_of(broken).state, row_of(broken).next_step_name) == (State.PAUSED, "more")


# -------------------------------------------------------------------------------------------------- late performers


def overtaken(body):
    """A journey whose body finds, when it ends, that its lease ran out and somebody recovered it."""

    class Overtaken(Journey[Customer]):
        if_lost = "skip"

        @step
        def work(self):
            put(found(self), lease_expires_at="2020-01-01T00:00Z")
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
    journey = overtaken(body).start(customer)
    assert journey.perform_next_step() is None
    assert (journey.state, journey.next_step_name, journey.data) == (State.READY, "more", {})
    assert (journey.steps_entered, journey.steps_completed) == (0, 0)
    assert told(journey) == [("work", "lost")]


def test_the_exception_of_a_late_performer_is_raised_and_not_settled(customer):
    journey = overtaken(lambda self: 1 / 0).start(customer)
    with pytest.raises(ZeroDivisionError):
        journey.perform_next_step()
    assert (journey.state, told(journey)) == (State.READY, [("work", "lost")])


def test_nor_does_he_when_another_has_finished_meanwhile(customer):
    journey = overtaken(lambda self: found(self).perform_next_step()).start(customer)
    assert journey.perform_next_step() is None
    assert (journey.state, told(journey)) == (State.FINISHED, [("work", "lost"), ("more", "completed")])


def test_nor_when_another_is_at_the_very_same_step(customer):
    class Twice(Journey[Customer]):
        @step
        def work(self):
            if not self.attempts:
                put(found(self), lease_expires_at="2020-01-01T00:00Z")
                recover()
                claimed_by(self, "my successor")
            self.data["by"] = self.performed_by

    journey = Twice.start(customer)
    assert journey.perform_next_step() is None
    row = row_of(journey)
    assert (row.state, row.performed_by, found(journey).data) == (State.PERFORMING, "my successor", {})


# --------------------------------------------------------------------------------------------------- the heartbeat


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_lease_is_renewed_however_long_the_step_takes(kind, customer):
    def body(self):
        first = row_of(self).lease_expires_at
        wait_until(lambda: row_of(self).lease_expires_at > first + timedelta(seconds=1))
        assert recover() == 0

    async def later(self):
        await sync_to_async(body)(self)

    class Long(Journey[Customer]):
        lease = 1
        work = step(later if kind == "async" else body, name="work")

    journey = Long.start(customer)
    assert journey.perform_next_step() == Completed()
    assert told(journey) == [("work", "completed")]


@pytest.mark.django_db(transaction=True)
def test_a_busy_event_loop_does_not_silence_the_heartbeat(customer):
    async def blocks_the_loop(self):
        pause_for(1.5)

    class Blocking(Journey[Customer]):
        lease = 1
        work = step(blocks_the_loop, name="work")

    journey = Blocking.start(customer)
    assert journey.perform_next_step() == Completed()


@pytest.mark.only_on("postgresql", "mariadb")
@pytest.mark.django_db(transaction=True)
def test_recovery_can_not_overtake_a_renewal_and_does_not_wait_behind_it(customer):
    journey = losing().start(customer)
    claimed_by(journey, "a worker")
    put(journey, lease_expires_at="2020-01-01T00:00Z")
    recovered = []

    def recover_elsewhere():
        recovered.append(recover())
        connections.close_all()

    with transaction.atomic():
        put(journey, lease_expires_at="2099-01-01T00:00Z")  # holds the row's lock, as a renewal does
        thread = threading.Thread(target=recover_elsewhere)
        thread.start()
        thread.join(timeout=4)
        assert recovered == [0]
    assert recover() == 0
    assert (row_of(journey).state, entries_of(journey)) == (State.PERFORMING, [])


# ----------------------------------------------------------------------------------------------- interrupts at a stop


class Stopped(Journey[Customer]):
    worker: Worker
    interrupt: type[BaseException] = SystemExit

    @step
    def work(self):
        Spy.objects.create(journey_id=str(self.pk), word="begun")
        self.data["half done"] = True
        self.worker.stop()
        raise self.interrupt

    @step
    def more(self): ...


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("interrupt", [SystemExit, KeyboardInterrupt, asyncio.CancelledError])
def test_an_interrupt_at_a_stop_is_a_loss_that_does_not_count_towards_poison(interrupt, customer):
    journey = Stopped.start(customer)
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


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("choice", "state", "next_step"), IF_LOST)
def test_it_is_handled_at_once_by_if_lost(choice, state, next_step, customer):
    Choosing = type("Choosing", (Stopped,), {"if_lost": choice, "__module__": __name__})
    journey = Choosing.start(customer)
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

    journey = Exiting.start(customer)
    with pytest.raises(SystemExit):
        journey.perform_next_step()
    assert (journey.next_step_name, told(journey)) == ("more", [("work", "failed")])
