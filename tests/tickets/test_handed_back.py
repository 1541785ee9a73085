"""What a worker that stops has claimed and not begun is ready again, under a new fence: the old ticket is void."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from stepper_motor import ForwardScheduler, State, step
from stepper_motor.motor.worker import Worker
from tests.conditions import wait_until
from tests.home import Customer, Journey, configured, motor, start, these
from tests.tickets.at_work import LIMIT, apart, perform

pytestmark = pytest.mark.database(transaction=True)


class Gated(Journey[Customer]):
    entered = threading.Event()
    may_end = threading.Event()

    @step
    def hold(self):
        self.entered.set()
        assert self.may_end.wait(LIMIT)


@pytest.fixture(autouse=True)
def _gate():
    Gated.entered.clear()
    Gated.may_end.clear()
    yield
    Gated.may_end.set()


def test_a_worker_that_stops_hands_over_tickets_for_what_it_hands_back(queue):
    with configured(scheduler=ForwardScheduler(queue), concurrency=1):
        for _ in range(8):
            start(Gated)
        before = {job.ticket.id: job for job in queue.take()}
        worker = Worker(motor())
        with ThreadPoolExecutor(1) as threads:
            working = threads.submit(apart, worker.run)
            try:
                assert Gated.entered.wait(LIMIT)
                wait_until(lambda: len(worker.held()) > 1)
                worker.stop()
                wait_until(lambda: queue.jobs)
                wait_until(lambda: len(worker.held()) == 1)
            finally:
                worker.stop()
                Gated.may_end.set()
                working.result(LIMIT)
        rows = {str(journey.id): journey for journey in these(Gated)}
        handed_back = [id for id, journey in rows.items() if journey.fence != before[id].ticket.fence]
        handed_back = [id for id in handed_back if rows[id].state is State.READY]
        assert sorted(job.ticket.id for job in queue.jobs) == sorted(handed_back)
        for job in queue.take():
            assert perform(before[job.ticket.id]) is None
            assert perform(job) is not None
