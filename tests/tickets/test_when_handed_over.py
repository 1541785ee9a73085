"""When a ticket is handed to a queue: as soon as a journey is ready, or when its time comes nearer."""

from datetime import datetime, timedelta

import pytest

from stepper_motor import step
from stepper_motor.motor.clock import FastClock, SystemClock, installing
from stepper_motor.motor.schedulers import ForwardScheduler
from tests.clock import NOON
from tests.home import Customer, Journey, configured, start
from tests.tickets.at_work import perform, sweep
from tests.tickets.keeping import KeepingQueue

pytestmark = pytest.mark.database(transaction=True)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


class Waiting(Journey[Customer]):
    """Its first step is due at once, its second in 40 minutes."""

    @step
    def first(self): ...

    @step(wait=40 * MINUTE)
    def second(self): ...


class LongWaiting(Journey[Customer]):
    @step(wait=timedelta(days=180))
    def at_last(self): ...


def in_40_minutes():
    return start(Waiting, at=NOON + 40 * MINUTE)


# ------------------------------------------------------------------------------------------------------------ forward


def test_a_step_that_is_due_is_handed_over_at_once(clock, forward, queue):
    journey = start(Waiting)
    (job,) = queue.jobs
    assert job.at is None
    ticket = job.ticket
    assert (ticket.id, ticket.fence, ticket.motor) == (str(journey.id), journey.fence, "")
    assert ticket.table == journey._store.table.journeys


def test_a_step_in_40_minutes_is_handed_over_for_that_time(clock, forward, queue):
    in_40_minutes()
    (at,) = queue.times
    assert at - datetime.now(at.tzinfo) == pytest.approx(40 * MINUTE, abs=timedelta(seconds=5))


def test_a_wait_after_a_step_is_handed_over_when_that_ends(clock, forward, queue):
    journey = start(Waiting)
    queue.take()
    journey.perform_next_step()
    (job,) = queue.jobs
    assert job.ticket.fence == journey.fence
    assert job.at - datetime.now(job.at.tzinfo) == pytest.approx(40 * MINUTE, abs=timedelta(seconds=5))


def test_the_last_step_leaves_nothing_to_hand_over(clock, forward, queue):
    journey = start(Waiting)
    journey.perform_next_step()
    queue.take()
    clock.move(40 * MINUTE)
    journey.perform_next_step()
    assert queue.jobs == []


def test_what_is_handed_over_is_not_swept_before_it_is_overdue(clock, forward, queue):
    in_40_minutes()
    clock.move(41 * MINUTE - timedelta(seconds=1))
    assert sweep() == 0
    clock.move(timedelta(seconds=1))
    assert sweep() == 1


def test_nothing_is_handed_over_beyond_the_horizon_until_it_enters_that(clock):
    queue = KeepingQueue(10 * MINUTE)
    with configured(scheduler=ForwardScheduler(queue)):
        start(LongWaiting)
        clock.move(timedelta(days=180) - 10 * MINUTE - timedelta(seconds=1))
        assert sweep() == 0
        assert queue.jobs == []
        clock.move(timedelta(seconds=1))
        assert sweep() == 1
        (at,) = queue.times
        assert at - datetime.now(at.tzinfo) == pytest.approx(10 * MINUTE, abs=timedelta(seconds=5))
        assert sweep() == 0


def test_a_queue_that_keeps_delays_for_ever_is_trusted_with_half_a_year(clock, forward, queue):
    start(LongWaiting)
    assert len(queue.jobs) == 1


def test_a_queue_that_keeps_no_delays_is_given_what_is_due(clock):
    queue = KeepingQueue(timedelta())
    with configured(scheduler=ForwardScheduler(queue)):
        in_40_minutes()
        clock.move(40 * MINUTE - timedelta(seconds=1))
        assert sweep() == 0
        clock.move(timedelta(seconds=1))
        assert sweep() == 1
        assert queue.times == [None]


# ------------------------------------------------------------------------------------------------------------- cyclic


def test_with_a_cycle_of_30_seconds_a_step_in_40_minutes_is_not_handed_over(clock, cyclic, queue):
    with cyclic(30):
        in_40_minutes()
        assert sweep() == 0
    assert queue.jobs == []


def test_with_a_cycle_of_40_minutes_it_is(clock, cyclic, queue):
    with cyclic(40 * 60):
        in_40_minutes()
        assert len(queue.jobs) == 1
        assert sweep() == 0


def test_each_cycle_hands_over_what_is_due_before_the_next(clock, cyclic, queue):
    with cyclic(30):
        in_40_minutes()
        for _ in range(79):
            assert sweep() == 0
            clock.move(timedelta(seconds=30))
        assert sweep() == 1
        assert sweep() == 0


def test_what_is_overdue_by_ten_minutes_is_handed_over_by_the_sweep(clock, cyclic, queue):
    with cyclic(10):
        start(Waiting)
        queue.take()
        clock.move(10 * MINUTE)
        assert sweep() == 1
        assert queue.times == [None]


# -------------------------------------------------------------------------------------------- nobody is told anything


def test_without_a_scheduler_nothing_is_swept(clock, queue):
    start(Waiting)
    clock.move(HOUR)
    assert sweep() == 0


def test_an_eager_queue_is_given_nothing(clock):
    queue = KeepingQueue(is_eager=True)
    with configured(scheduler=ForwardScheduler(queue)):
        journey = start(Waiting)
        journey.perform_next_step()
        clock.move(2 * HOUR)
        assert sweep() == 0
        perform(f'{{"v": 1, "table": "{journey._store.table.journeys}", "id": "1", "fence": "none"}}')
    assert queue.asked == 0


def test_journeys_that_were_ready_before_there_was_a_scheduler_are_swept(clock, queue):
    start(Waiting)
    clock.move(MINUTE)
    with configured(scheduler=ForwardScheduler(queue)):
        assert sweep() == 1


# ------------------------------------------------------------------------------------------------------------ the time


def test_a_clock_that_runs_fast_is_told_to_the_queue_in_real_time(queue, forward):
    """Queues know this machine's clock alone: with a day in a minute, a wait of a day is over in a minute."""
    with installing(FastClock(24 * 60, SystemClock().now())) as fast:
        start(Waiting, at=fast.now() + timedelta(days=1))
        (at,) = queue.times
    assert at - SystemClock().now() == pytest.approx(MINUTE, abs=timedelta(seconds=5))


def test_a_horizon_is_real_time_too():
    queue = KeepingQueue(10 * MINUTE)
    with configured(scheduler=ForwardScheduler(queue)), installing(FastClock(60, SystemClock().now())) as fast:
        start(Waiting, at=fast.now() + timedelta(hours=9))
        start(Waiting, at=fast.now() + timedelta(hours=11))
    assert len(queue.jobs) == 1


def test_a_clock_may_run_so_fast_that_the_horizon_is_beyond_all_dates():
    queue = KeepingQueue(timedelta(days=7))
    with configured(scheduler=ForwardScheduler(queue)), installing(FastClock(1e6, SystemClock().now())) as fast:
        start(Waiting, at=fast.now() + timedelta(days=3650))
        assert len(queue.jobs) == 1
        assert sweep() == 0


def test_what_is_due_in_an_instant_is_handed_over_without_a_delay(clock, forward, queue):
    start(Waiting, at=NOON + timedelta(milliseconds=50))
    assert queue.times == [None]
