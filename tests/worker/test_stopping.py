"""SIGTERM: what runs may end, what waits is handed back, what cannot end is left to its lease. Nothing is lost."""

from __future__ import annotations

import signal
from time import monotonic

import pytest

from stepper_motor import State
from tests import databases
from tests.conditions import wait_until
from tests.worker import diary
from tests.worker.journeys import Gated, GatedAsync, Short, Stubborn, StubbornAsync

pytestmark = pytest.mark.processes

ONE_AT_A_TIME = ("--concurrency", "1")


def fresh(*journeys):
    for journey in journeys:
        journey.refresh_from_db()


def begun(*journeys):
    return all("began" in diary.words(journey.pk) for journey in journeys)


def test_running_steps_end_within_the_grace_and_the_rest_is_handed_back_as_it_was(crew):
    running, waiting = Gated.start(), [Gated.start() for _ in range(2)]
    worker = crew.worker(*ONE_AT_A_TIME)
    wait_until(lambda: begun(running))
    wait_until(lambda: Gated.objects.performing().count() == 3, what="the others are claimed and wait")

    worker.send(signal.SIGTERM)
    wait_until(lambda: Gated.objects.ready().count() == 2, limit=3, what="the others are handed back at once")
    diary.open_gate()

    assert worker.ends() == 0
    due, fences = [each.next_step_to_be_performed_at for each in waiting], [each.fence for each in waiting]
    fresh(running, *waiting)
    assert (running.state, running.next_step_name) == (State.READY, "go_on")
    assert running.data == {"held": True}
    assert [each.next_step_to_be_performed_at for each in waiting] == due
    assert not set(fences) & {each.fence for each in waiting}
    assert [each.attempts for each in waiting] == [0, 0]
    assert [each.history.count() for each in (running, *waiting)] == [1, 0, 0]
    assert worker.logged("ERROR", "WARNING") == []


def test_a_second_signal_ends_it_at_once_and_loses_nothing(crew):
    journey = Gated.start()
    worker = crew.worker()
    wait_until(lambda: begun(journey))

    worker.send(signal.SIGTERM)
    wait_until(lambda: "worker_stopping" in worker.names)
    began = monotonic()
    worker.send(signal.SIGINT)
    assert worker.ends() == 128 + signal.SIGINT
    assert monotonic() - began < 2

    diary.open_gate()
    crew.worker()
    wait_until(lambda: Gated.objects.finished().exists())
    fresh(journey)
    assert journey.steps_entered == 2
    assert [entry.outcome for entry in journey.history.all()] == ["lost", "completed", "completed"]


def test_async_steps_are_cancelled_when_the_grace_is_over_and_that_counts_for_nothing(crew):
    journey = GatedAsync.start()
    worker = crew.worker(STOP_GRACE=0.5)
    wait_until(lambda: begun(journey))

    assert worker.stops() == 0

    fresh(journey)
    assert (journey.state, journey.next_step_name) == (State.READY, "hold")
    assert (journey.attempts, journey.losses) == (1, 0)
    assert [entry.outcome for entry in journey.history.all()] == ["lost"]
    assert diary.words(journey.pk) == ["began", "cancelled"]


def test_sync_steps_that_outlive_the_grace_are_left_to_their_lease(crew):
    journey = Gated.start()
    worker = crew.worker(STOP_GRACE=0.5)
    wait_until(lambda: begun(journey))

    began = monotonic()
    assert worker.stops() == 0
    assert monotonic() - began < 8

    fresh(journey)
    assert (journey.state, journey.losses) == (State.PERFORMING, 0)
    diary.open_gate()
    crew.worker()
    wait_until(lambda: Gated.objects.finished().exists())
    fresh(journey)
    assert [entry.outcome for entry in journey.history.all()] == ["lost", "completed", "completed"]


def test_steps_that_listen_to_nothing_keep_no_process_from_ending(crew):
    journeys = [Stubborn.start(), StubbornAsync.start()]
    worker = crew.worker(STOP_GRACE=0.3)
    wait_until(lambda: begun(*journeys))

    began = monotonic()
    assert worker.stops() == 0
    assert monotonic() - began < 10


def test_an_idle_worker_stops_at_once(crew):
    worker = crew.worker()

    began = monotonic()
    assert worker.stops() == 0
    assert monotonic() - began < 3
    assert worker.names[-1] == "worker_stopped"


def test_a_stop_while_thousands_are_due_loses_none_and_doubles_none(crew):
    number = 60 if databases.chosen() == "sqlite" else 400
    Short.objects.bulk_create([Short() for _ in range(number)])
    for _ in range(2):
        worker = crew.worker()
        wait_until(lambda before=len(diary.lines()): len(diary.lines()) > before + 20 or _all_told(number))
        assert worker.stops() == 0
    assert crew.start("worker", "--once").ends() == 0

    assert Short.objects.filter(state="finished").count() == number
    assert _all_told(number)
    assert set(diary.counts().values()) == {1}


def _all_told(number):
    return len(diary.lines()) == 3 * number
