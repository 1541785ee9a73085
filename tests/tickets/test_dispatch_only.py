"""A worker that keeps the house, hands tickets to the queue, and leaves the steps to that."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest

from stepper_motor import CyclicScheduler, ForwardScheduler, State, now, step
from stepper_motor.motor.queue_options import NAME, check_options
from stepper_motor.motor.worker import Worker
from tests.cli.running import lines, refusal
from tests.conditions import wait_until
from tests.home import Customer, Drip, Journey, configured, count, forget, motor, put_behind, start, tell, words
from tests.semantics.holding import hold
from tests.semantics.seen import row_of
from tests.tickets.at_work import apart, perform
from tests.tickets.keeping import KeepingQueue

pytestmark = pytest.mark.database(transaction=True)
LONG_AGO = timedelta(days=40)
HOUR = timedelta(hours=1)


class Telling(Journey[Customer]):
    @step
    def one(self):
        tell(self, "one")


def overdue(cls=Telling):
    """A journey whose ticket was lost an hour ago."""
    journey = start(cls)
    motor().scheduler.queue.take()
    put_behind(journey, next_step_to_be_performed_at=now() - HOUR, updated_at=now() - HOUR)
    return journey


def dispatch():
    return apart(lambda: Worker(motor(), dispatch_only=True).run(once=True))


def test_it_performs_nothing(forward, queue):
    journey = overdue()
    dispatch()
    assert words() == []
    assert row_of(journey).state is State.READY
    assert len(queue.jobs) == 1
    perform(queue.jobs[0])
    assert words() == ["one"]


def test_it_recovers_what_was_lost_and_hands_it_over(forward, queue):
    journey = start(Telling)
    queue.take()
    hold(journey, now() - HOUR)
    dispatch()
    (job,) = queue.jobs
    assert job.ticket.fence == row_of(journey).fence


def test_it_deletes_what_ended_long_ago(forward):
    journey = start(Telling)
    journey.cancel()
    put_behind(journey, ended_at=now() - LONG_AGO)
    dispatch()
    assert count(Telling) == 0


def test_it_sweeps_again_and_again_until_it_is_told_to_stop(queue):
    with configured(scheduler=ForwardScheduler(queue), sweep_interval=0.05, recovery_interval=0.05):
        with dispatching():
            for _ in range(3):
                fence = overdue().fence
                wait_until(lambda fence=fence: fence in [job.ticket.fence for job in queue.jobs])
        assert words() == []


@contextmanager
def dispatching():
    """Within the block, such a worker works."""
    worker = Worker(motor(), dispatch_only=True)
    with ThreadPoolExecutor(1) as threads:
        ended = threads.submit(apart, worker.run)
        try:
            yield
        finally:
            worker.stop()
            ended.result(20)


def test_with_a_cyclic_scheduler_it_sweeps_once_in_a_cycle():
    with configured(scheduler=CyclicScheduler(KeepingQueue(), cycle_duration=17), sweep_interval=3):
        assert Worker(motor(), dispatch_only=True)._sweep_interval() == timedelta(seconds=17)
    with configured(scheduler=ForwardScheduler(KeepingQueue()), sweep_interval=3):
        assert Worker(motor(), dispatch_only=True)._sweep_interval() == timedelta(seconds=3)


def test_a_worker_that_performs_keeps_the_house_for_the_queue_too(queue):
    with configured(scheduler=ForwardScheduler(queue)):
        paused = start(Drip, at=now() + 2 * HOUR)
        queue.take()
        hold(paused, now() - HOUR)
        apart(lambda: Worker(motor()).run(once=True))
        assert [job.ticket.id for job in queue.jobs][:1] == [str(paused.id)]


# ------------------------------------------------------------------------------------------------------- the commands


def test_the_command_refuses_it_where_no_scheduler_is_set_up():
    assert "no scheduler is set up" in refusal("worker", "--once", "--dispatch-only")


@pytest.mark.only_in("django")  # in the other homes it runs in a process of its own
def test_the_command_hands_over_and_performs_nothing(forward, queue):
    overdue()
    assert lines("worker", "--once", "--dispatch-only") == []
    assert len(queue.jobs) == 1
    assert words() == []


@pytest.mark.only_in("django")
@pytest.mark.parametrize("told", [[], ["--dispatch-only"]])
def test_a_worker_that_performs_beside_the_queue_says_so(forward, caplog, told):
    caplog.set_level("INFO", "stepper_motor")
    lines("worker", "--once", *told)
    says_so = any("performs steps beside the job queue; with --dispatch-only" in line for line in caplog.messages)
    assert says_so is (not told)


class Particular(KeepingQueue):
    def check(self, options):
        check_options("It has", options, {"queue": NAME})


def test_doctor_lists_the_tickets_that_the_queue_would_refuse():
    class Coloured(Journey[Customer]):
        queue_options = {"colour": "red"}

        @step
        def one(self): ...

    with configured(scheduler=ForwardScheduler(Particular())):
        assert refusal("doctor").splitlines() == [
            "The job queue takes no ticket for Coloured.one: It has no queue option 'colour'; there are queue",
            "Every journey in flight stands at a step that this code knows.",
        ]
    forget(Coloured)


def test_housekeep_says_how_many_tickets_it_handed_over(forward, queue):
    overdue()
    overdue()
    assert lines("housekeep") == ["recovered 0, deleted 0, failed 0, handed over 2"]
    assert lines("housekeep") == ["recovered 0, deleted 0, failed 0, handed over 0"]


def test_without_a_scheduler_it_says_nothing_of_them():
    assert lines("housekeep") == ["recovered 0, deleted 0, failed 0"]
