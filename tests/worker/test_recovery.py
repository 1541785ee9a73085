"""Workers that die or freeze in the middle of steps, and the others that take over."""

from __future__ import annotations

import signal
import threading
from time import monotonic

import pytest

from stepper_motor import State
from tests.conditions import wait_until
from tests.worker import diary
from tests.worker.inside import locked
from tests.worker.journeys import Deadly, GatedOnce, LostAndCancel, Short

pytestmark = pytest.mark.processes

LEASE = GatedOnce.lease.total_seconds()


def all_finished(cls):
    return not cls.objects.ongoing().exists() and cls.objects.exists()


def test_a_killed_workers_steps_are_finished_by_another_within_the_lease_and_a_few_seconds(crew):
    journeys = [GatedOnce.start() for _ in range(4)]
    doomed = crew.worker("--concurrency", "4")
    wait_until(lambda: len(diary.words()) == 4, what="four steps run")
    other = crew.worker("--concurrency", "4")

    doomed.kill()
    killed = monotonic()
    wait_until(lambda: all_finished(GatedOnce), limit=LEASE + 10)
    took = monotonic() - killed

    assert took < LEASE + 5
    for journey in journeys:
        outcomes = [entry.outcome for entry in journey.history.all()]
        assert outcomes == ["lost", "completed", "completed"]
        lost = journey.history.first()
        assert (lost.attempt, lost.reason) == (1, "the performer's lease ran out")
        assert f":{doomed.pid}:" in lost.performed_by
    assert len(diary.words()) == 4 + 3 * 4
    assert other.stops() == 0


def test_a_frozen_worker_that_thaws_writes_nothing_and_its_attempt_stays_lost(crew):
    journey = GatedOnce.start()
    frozen = crew.worker()
    wait_until(lambda: "began" in diary.words())
    frozen.send(signal.SIGSTOP)
    crew.worker()
    wait_until(lambda: all_finished(GatedOnce), limit=LEASE + 10)
    journey.refresh_from_db()
    before = (journey._row, list(journey.history.values_list("id", "outcome")))

    diary.open_gate()
    frozen.send(signal.SIGCONT)
    wait_until(lambda: diary.words().count("ended") == 2, what="the frozen body ends")
    wait_until(lambda: "settled_by_another" in frozen.names)

    journey.refresh_from_db()
    assert (journey._row, list(journey.history.values_list("id", "outcome"))) == before
    assert [outcome for _, outcome in before[1]] == ["lost", "completed", "completed"]
    assert frozen.stops() == 0


def test_a_frozen_worker_nobody_missed_goes_on_as_if_nothing_had_been(crew):
    journey = GatedOnce.start()
    frozen = crew.worker()
    wait_until(lambda: "began" in diary.words())
    frozen.send(signal.SIGSTOP)
    threading.Event().wait(LEASE + 0.5)
    frozen.send(signal.SIGCONT)
    diary.open_gate()
    wait_until(lambda: all_finished(GatedOnce), limit=LEASE + 10)

    assert [entry.outcome for entry in journey.history.all()] in (
        ["completed", "completed"],
        ["lost", "completed", "completed"],  # its own housekeeper was quicker than its heartbeat
    )


def test_what_a_class_says_of_losses_is_done_and_its_hook_is_called(crew):
    journey = LostAndCancel.start()
    doomed = crew.worker()
    wait_until(lambda: "began" in diary.words())
    doomed.kill()
    crew.worker()
    wait_until(lambda: "after cancel" in diary.words(), limit=LEASE + 10)

    journey.refresh_from_db()
    assert (journey.state, journey.losses) == (State.CANCELED, 1)


def test_a_step_that_takes_its_process_with_it_is_paused_and_stops_nobody_else(crew):
    deadly = Deadly.start()
    crew.start("worker", "--processes", "2", POISON_AFTER=2)
    wait_until(lambda: "dies" in diary.words())
    others = [Short.start() for _ in range(10)]
    wait_until(lambda: all_finished(Short), limit=30)
    wait_until(lambda: Deadly.objects.paused().exists(), limit=40, what="it is paused as poison")

    deadly.refresh_from_db()
    assert deadly.losses == 2
    assert diary.words(deadly.pk) == ["dies"] * 2
    assert [entry.outcome for entry in deadly.history.all()] == ["lost"] * 2
    assert {diary.counts()[str(journey.pk), "three"] for journey in others} == {1}


@pytest.mark.only_on("postgresql", "mariadb")
def test_a_row_that_an_app_has_locked_for_longer_than_a_lease_stops_no_renewal_of_the_others(crew):
    journeys = [GatedOnce.start() for _ in range(4)]
    crew.worker("--concurrency", "4")
    crew.worker()
    wait_until(lambda: diary.words().count("began") == 4)
    with locked(journeys[1]):
        threading.Event().wait(2.5 * LEASE)
        diary.open_gate()
        wait_until(lambda: GatedOnce.objects.finished().count() == 3, what="the others are settled meanwhile")
    wait_until(lambda: all_finished(GatedOnce))

    assert diary.words().count("began") == 4
    outcomes = [entry.outcome for journey in journeys for entry in journey.history.all()]
    assert outcomes == ["completed"] * 8
