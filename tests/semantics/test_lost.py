"""Lost performances: leases, recovery, if_lost, poison, late performers, interrupts at a stop. SEMANTICS 8."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stepper_motor import Completed, State, step
from tests.home import Customer, Journey, Payment, PaymentJourney, create, found, put, start
from tests.semantics.seen import claimed_by, last_entry, recover, row_of, told

pytestmark = pytest.mark.database

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
    journey = start(losing(), customer)
    claimed_by(journey, "a worker")
    clock.move(LEASE - timedelta(microseconds=1))
    assert recover() == 0
    assert row_of(journey).state == State.PERFORMING
    clock.move(timedelta(microseconds=1))
    assert recover() == 1


def test_a_lost_performance_is_put_back_by_default(clock, customer):
    journey = start(losing(), customer)
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
    journey = start(Losing, customer)
    lose(journey, clock)
    row = row_of(journey)
    assert (row.state, row.next_step_name, row.performed_by) == (state, next_step, None)
    assert last_entry(journey).outcome == "lost"


def test_when_stuck_is_another_name_of_it(clock, customer):
    class Stuck(Journey[Customer]):
        when_stuck = "cancel"

        @step
        def work(self): ...

    journey = start(Stuck, customer)
    lose(journey, clock)
    assert row_of(journey).state == State.CANCELED


def test_after_a_skip_the_next_wait_counts_from_the_recovery(clock, customer):
    journey = start(losing(if_lost="skip"), customer)
    lose(journey, clock)
    assert row_of(journey).next_step_to_be_performed_at == clock.now() + timedelta(seconds=30)


def test_the_lost_attempt_is_told_with_who_lost_it_and_when_it_began(clock, customer):
    journey = start(losing(), customer)
    began = clock.now()
    lose(journey, clock)
    entry = last_entry(journey)
    assert (entry.step_name, entry.attempt, entry.outcome, entry.state) == ("work", 1, "lost", State.READY)
    assert (entry.by, entry.reason) == ("a worker that dies", "the performer's lease ran out")
    assert (entry.started_at, entry.finished_at) == (began, clock.now())


def test_lost_three_times_in_a_row_it_is_paused(clock, customer):
    journey = start(losing(), customer)
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

    journey = start(Flaky, customer)
    lose(journey, clock)
    lose(journey, clock)
    with pytest.raises(OSError, match=r"^$"):
        found(journey).perform_next_step()
    assert (row_of(journey).losses, row_of(journey).failures) == (0, 1)
    clock.move(timedelta(minutes=1))
    lose(journey, clock)
    assert (row_of(journey).state, row_of(journey).losses) == (State.READY, 1)


def test_a_resume_gives_a_poisoned_journey_three_more(clock, customer):
    journey = start(losing(), customer)
    for _ in range(3):
        lose(journey, clock)
    found(journey).resume()
    lose(journey, clock)
    assert (row_of(journey).state, row_of(journey).losses, row_of(journey).attempts) == (State.READY, 1, 4)


def test_a_journey_with_a_table_of_its_own_is_recovered_as_well(clock):
    journey = start(PaymentJourney, create(Payment, amount=5))
    lose(journey, clock)
    assert (row_of(journey).state, told(journey)) == (State.READY, [("initiate", "lost")])
    found(journey).perform_next_step()
    assert told(journey)[-1] == ("initiate", "completed")


def test_recovery_leaves_alone_what_nobody_holds(clock, customer):
    paused = start(losing(), customer)
    paused.pause()
    canceled = start(losing(), customer, key="too")
    canceled.cancel()
    before = row_of(paused), row_of(canceled)
    clock.move(timedelta(days=365))
    assert recover() == 0
    assert (row_of(paused), row_of(canceled)) == before


def test_a_row_of_a_type_that_is_not_known_is_not_recovered(clock, customer):
    journey = start(losing(), customer)
    claimed_by(journey, "a newer process")
    put(journey, type="shop.FromTheFuture")
    clock.move(timedelta(days=1))
    assert recover() == 0
    assert row_of(journey).performed_by == "a newer process"


def test_one_whose_step_is_not_known_is_recovered_after_the_grace_and_paused(clock, customer):
    journey = start(losing(if_lost="cancel"), customer)
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

    broken, sound = start(Broken, customer), start(losing(), customer)
    claimed_by(broken, "a worker that dies")
    claimed_by(sound, "a worker that dies")
    clock.move(LEASE)
    recover()
    assert row_of(sound).state == State.READY
    assert (row_of(broken).state, row_of(broken).next_step_name) == (State.PAUSED, "more")
