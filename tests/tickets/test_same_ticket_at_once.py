"""Several processes take the same ticket at the same moment: one performs."""

import os
import subprocess
import sys
from functools import partial

import pytest

from stepper_motor import State, now, step
from tests.home import Customer, Journey, ThreeSteps, start, tell, words
from tests.semantics.seen import row_of, told
from tests.semantics.side_by_side import side_by_side
from tests.tickets.at_work import perform

pytestmark = pytest.mark.database(transaction=True)

PERFORMER = """
import sys
import django
django.setup()
from stepper_motor.motor.receiving import perform_ticket
from tests.shop import journeys
print("ready", flush=True)
for line in sys.stdin:
    perform_ticket(line)
    print("done", flush=True)
"""


class Telling(Journey[Customer]):
    @step
    def one(self):
        tell(self, "one")

    @step
    def two(self):
        tell(self, "two")


def test_of_many_threads_one_performs(clock, forward, queue):
    for _ in range(5):
        journey = start(Telling)
        (job,) = queue.take()
        outcomes = side_by_side(*[partial(perform, job)] * 4)
        assert sum(outcome is not None for outcome in outcomes) == 1, outcomes
        assert row_of(journey).state is State.FINISHED
        assert told(journey) == [("one", "completed"), ("two", "completed")]
    assert words() == ["one", "two"] * 5


def test_an_old_and_a_new_ticket_at_once_perform_each_step_once(clock, forward, queue):
    for _ in range(5):
        journey = start(Telling)
        journey.reschedule(at=now())
        outcomes = side_by_side(*[partial(perform, job) for job in queue.take() * 2])
        assert sum(outcome is not None for outcome in outcomes) == 1, outcomes
        assert told(journey)[-2:] == [("one", "completed"), ("two", "completed")]
    assert words() == ["one", "two"] * 5


def test_a_verb_and_a_ticket_at_once_leave_one_of_the_two_ends(clock, forward, queue):
    for _ in range(5):
        journey = start(Telling)
        (job,) = queue.take()
        side_by_side(partial(perform, job), journey.cancel)
        steps = [entry for entry in told(journey) if entry[1] == "completed"]
        assert row_of(journey).state in (State.CANCELED, State.FINISHED)
        assert steps in ([], [("one", "completed")], [("one", "completed"), ("two", "completed")])


@pytest.mark.only_in("django")
@pytest.mark.processes
def test_of_several_processes_one_performs(forward, queue):
    processes = [_performer() for _ in range(3)]
    try:
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        for _ in range(5):
            journey = start(ThreeSteps)
            (job,) = queue.take()
            for process in processes:
                process.stdin.write(job.text + "\n")
                process.stdin.flush()
            for process in processes:
                assert process.stdout.readline() == "done\n"
            assert told(journey) == [("one", "completed"), ("two", "completed"), ("three", "completed")]
        assert words() == ["one", "two", "three"] * 5
    finally:
        for process in processes:
            process.stdin.close()
            process.wait(20)
            process.stdout.close()


def _performer():
    return subprocess.Popen(
        [sys.executable, "-c", PERFORMER],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
