"""A queue whose broker does not answer, and whose client waits for that without an end, holds up no worker."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest

from stepper_motor import ForwardScheduler, State, now, step
from stepper_motor.motor import errands
from stepper_motor.motor.errands import Errands
from stepper_motor.motor.worker import Worker
from tests.conditions import wait_until
from tests.home import Customer, Journey, configured, motor, put_behind, start, tell, words
from tests.semantics.holding import hold
from tests.semantics.seen import row_of
from tests.tickets.at_work import apart
from tests.tickets.keeping import KeepingQueue

pytestmark = pytest.mark.database(transaction=True)
HOUR = timedelta(hours=1)


class SilentQueue(KeepingQueue):
    def __init__(self):
        super().__init__()
        self.answers = threading.Event()
        self.answers.set()
        self.is_asked = threading.Event()

    def enqueue(self, ticket, at, options):
        self.is_asked.set()
        self.answers.wait()
        super().enqueue(ticket, at, options)

    @contextmanager
    def silent(self):
        self.is_asked.clear()
        self.answers.clear()
        try:
            yield
        finally:
            self.answers.set()
            wait_until(lambda: not still_waiting(), what="what had waited for the queue has ended")


def still_waiting():
    names = {thread.name for thread in threading.enumerate()}
    return names & {"stepper_motor sweeper", "stepper_motor errands"}


@pytest.fixture
def queue():
    return SilentQueue()


class Telling(Journey[Customer]):
    @step
    def one(self):
        tell(self, "one")

    @step(wait=0.05)
    def two(self):
        tell(self, "two")


@contextmanager
def working(**options):
    worker = Worker(motor(), **options)
    with ThreadPoolExecutor(1) as threads:
        ended = threads.submit(apart, worker.run)
        try:
            yield worker
        finally:
            worker.stop()
            ended.result(20)


def test_a_worker_beside_it_performs_and_ends(queue):
    with configured(scheduler=ForwardScheduler(queue)):
        journey = start(Telling)
        with queue.silent():
            with working():
                wait_until(lambda: row_of(journey).state is State.FINISHED)
                assert queue.is_asked.is_set()
            assert words() == ["one", "two"]


def test_what_becomes_ready_beside_a_worker_waits_for_no_broker(queue):
    with configured(scheduler=ForwardScheduler(queue)):
        first = start(Telling)
        with queue.silent(), working():
            wait_until(queue.is_asked.is_set)
            second = start(Telling)
            wait_until(lambda: row_of(second).state is row_of(first).state is State.FINISHED)


def test_a_worker_recovers_what_was_lost_while_its_sweep_waits(queue):
    with configured(scheduler=ForwardScheduler(queue), sweep_interval=0.05, recovery_interval=0.05):
        overdue, lost = start(Telling), start(Telling, at=now() + HOUR)
        put_behind(overdue, next_step_to_be_performed_at=now() - HOUR, updated_at=now() - HOUR)
        with queue.silent(), working(dispatch_only=True):
            wait_until(queue.is_asked.is_set)
            hold(lost, now() - HOUR)
            wait_until(lambda: row_of(lost).state is State.READY)


def test_a_worker_that_ends_has_handed_over_what_it_made_ready(queue):
    class Waiting(Telling):
        @step(wait=3600)
        def three(self): ...

    with configured(scheduler=ForwardScheduler(queue)):
        journey = start(Waiting)
        with working():
            wait_until(lambda: row_of(journey).next_step_name == "three")
        assert queue.jobs[-1].ticket.fence == row_of(journey).fence


def test_what_is_given_up_at_the_end_is_told(monkeypatch, caplog):
    monkeypatch.setattr(errands, "TO_END", 0.0)
    desk, go_on = Errands(), threading.Event()
    with desk.employed(leave=lambda: None):
        for _ in range(3):
            desk.do(go_on.wait)
    assert "tickets of 3 commits could not be handed over any more; the sweep will" in caplog.messages
    go_on.set()


def test_errands_that_are_too_many_are_refused(monkeypatch):
    monkeypatch.setattr(errands, "MOST", 2)
    monkeypatch.setattr(errands, "TO_END", 0.0)
    desk, go_on, began = Errands(), threading.Event(), threading.Event()
    with desk.employed(leave=lambda: None):
        assert desk.do(lambda: began.set() or go_on.wait())
        began.wait()
        assert [desk.do(lambda: None) for _ in range(3)] == [True, True, False]
    go_on.set()


def test_the_thread_of_two_workers_ends_with_the_last():
    desk, done = Errands(), []
    with desk.employed(leave=lambda: done.append("left")):
        with desk.employed(leave=lambda: done.append("never")):
            desk.do(lambda: done.append("one"))
        desk.do(lambda: done.append("two"))
    assert done == ["one", "two", "left"]


def test_without_a_worker_an_errand_is_done_by_whoever_asks():
    seen = []
    assert Errands().do(lambda: seen.append(threading.current_thread()))
    assert seen == [threading.current_thread()]


def test_an_errand_that_raises_keeps_no_other_from_being_done(caplog):
    desk, done = Errands(), []
    with desk.employed(leave=lambda: done.append("left")):
        desk.do(lambda: {}["missing"])
        desk.do(lambda: done.append("done"))
    assert done == ["done", "left"]
    assert "handing over a ticket raised" in caplog.messages
