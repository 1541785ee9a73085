"""Worker processes of an app that keeps its journeys with SQLAlchemy: what several do at once, and how they stop."""

from __future__ import annotations

import signal

import pytest

from stepper_motor import State
from stepper_motor.journeys.errors import InvalidState
from tests import databases
from tests.conditions import wait_until
from tests.sqlalchemy.crew import outcomes
from tests.sqlalchemy.errands import Bidden, Blocking, Gated, Late, Short, of
from tests.worker import diary

pytestmark = pytest.mark.processes

MANY = {"sqlite": 60, "postgresql": 300, "mariadb": 100}[databases.chosen()]


def begun(*journeys):
    return all("began" in diary.words(journey.id) for journey in journeys)


def test_two_workers_perform_every_step_exactly_once_and_log_no_error(workers, desk, driver):
    cls = of(driver, Short)
    desk.start_many(cls, MANY)
    both = [workers.one(), workers.one()]

    wait_until(lambda: desk.all_finished(cls), limit=60)

    assert [worker.stops() for worker in both] == [0, 0]
    assert len(diary.lines()) == len(desk.notes()) == 3 * MANY
    assert set(diary.counts().values()) == {1}
    assert [worker.logged("ERROR", "WARNING", "CRITICAL") for worker in both] == [[], []]


def test_at_a_stop_running_steps_end_and_the_rest_is_handed_back_as_it_was(workers, desk):
    running = desk.start(Gated)
    worker = workers.one("--concurrency", "1")
    wait_until(lambda: begun(running))
    waiting = desk.start_many(Gated, 2)
    wait_until(lambda: desk.states(Gated) == {"performing": 3}, what="the others are claimed and wait")

    worker.send(signal.SIGTERM)
    wait_until(lambda: desk.states(Gated).get("ready") == 2, limit=3, what="the others are handed back at once")
    diary.open_gate()

    assert worker.ends() == 0
    running, *handed_back = [desk.fresh(each) for each in (running, *waiting)]
    assert (running.state, running.next_step_name, running.data) == (State.READY, "go_on", {"held": True})
    assert [outcomes(each) for each in (running, *handed_back)] == [["completed"], [], []]
    for before, after in zip(waiting, handed_back, strict=True):
        assert after.next_step_to_be_performed_at == before.next_step_to_be_performed_at
        assert after.fence != before.fence
        assert (after.attempts, after.performed_by) == (0, None)
    assert worker.logged("ERROR", "WARNING") == []


@pytest.mark.parametrize("driver", ["async"])
def test_async_steps_are_cancelled_when_the_grace_of_a_stop_is_over_and_that_counts_for_nothing(workers, desk, driver):
    journey = desk.start(of(driver, Gated))
    worker = workers.one(stop_grace=0.5)
    wait_until(lambda: begun(journey))

    assert worker.stops() == 0

    journey = desk.fresh(journey)
    assert (journey.state, journey.next_step_name) == (State.READY, "hold")
    assert (journey.attempts, journey.losses, outcomes(journey)) == (1, 0, ["lost"])
    assert diary.words(journey.id) == ["began", "cancelled"]


def test_a_stop_while_many_are_due_loses_none_and_doubles_none(workers, desk, driver):
    cls = of(driver, Short)
    desk.start_many(cls, MANY)
    for _ in range(2):
        worker = workers.one()
        wait_until(lambda before=len(diary.lines()): len(diary.lines()) > before + 20 or desk.all_finished(cls))
        assert worker.stops() == 0
    assert desk.states(cls).get("performing") is None
    workers.one()
    wait_until(lambda: desk.all_finished(cls), limit=60)

    assert len(diary.lines()) == len(desk.notes()) == 3 * MANY
    assert set(diary.counts().values()) == {1}


@pytest.fixture
def begin(workers, desk, driver):
    """Starts journeys, one for each thing a body is to do, and returns them while their steps run."""
    workers.one("--concurrency", "8")

    def begin(*does):
        journeys = [desk.start(of(driver, Bidden), data={"does": each}) for each in does]
        wait_until(lambda: begun(*journeys))
        return journeys

    return begin


def let_it_end(desk, journey):
    """Open the gate, and wait until nothing holds the journey any more."""
    diary.open_gate(f"gate {journey.id}")
    wait_until(lambda: desk.fresh(journey).performed_by is None)
    return desk.fresh(journey)


def test_while_a_step_runs_a_cancel_elsewhere_acts_at_once_and_the_step_runs_to_its_end(begin, desk):
    (journey,) = begin(None)

    desk.tell(journey, "cancel", "enough", by="me")

    while_it_runs = desk.fresh(journey)
    assert (while_it_runs.state, while_it_runs.performed_by is not None) == (State.CANCELED, True)
    assert diary.words(journey.id) == ["began"]
    with pytest.raises(InvalidState):
        desk.tell(journey, "finish")
    journey = let_it_end(desk, journey)
    assert (journey.state, journey.reason, journey.next_step_name) == (State.CANCELED, "enough", "rest")
    assert (journey.steps_entered, journey.steps_completed) == (1, 1)
    assert outcomes(journey) == ["canceled", "completed"]
    wait_until(lambda: diary.words(journey.id) == ["began", "ended", "after_cancel"])


def test_while_a_step_runs_a_pause_elsewhere_acts_at_once_and_the_step_runs_to_its_end(begin, desk):
    (journey,) = begin(None)

    desk.tell(journey, "pause", "a moment", by="me")

    assert desk.fresh(journey).state == State.PAUSED
    paused = let_it_end(desk, journey)
    assert (paused.state, paused.reason, paused.next_step_name) == (State.PAUSED, "a moment", "rest")
    assert outcomes(paused) == ["paused", "completed"]
    wait_until(lambda: diary.words(journey.id) == ["began", "ended", "after_pause"])
    desk.tell(journey, "resume")
    wait_until(lambda: desk.fresh(journey).state == State.FINISHED)


def test_a_resume_while_the_paused_step_still_runs_leads_back_to_performing(begin, desk):
    (journey,) = begin(None)

    desk.tell(journey, "pause")
    desk.tell(journey, "resume")

    assert desk.fresh(journey).state == State.PERFORMING
    diary.open_gate(f"gate {journey.id}")
    wait_until(lambda: desk.fresh(journey).state == State.FINISHED)
    assert diary.words(journey.id) == ["began", "ended", "rested"]


def test_a_step_that_raises_pauses_its_journey_and_the_worker_goes_on(begin, desk):
    raises, cancels, follows = begin("raise", "cancel", None)
    raises, cancels, follows = (let_it_end(desk, each) for each in (raises, cancels, follows))

    assert (raises.state, cancels.state) == (State.PAUSED, State.CANCELED)
    (entry,) = raises.history
    assert (entry.error_class, entry.message) == ("RuntimeError", "as told")
    assert entry.traceback.endswith("RuntimeError: as told\n")
    wait_until(lambda: desk.fresh(follows).state == State.FINISHED)


@pytest.mark.parametrize("driver", ["async"])
def test_a_step_that_blocks_the_event_loop_for_longer_than_its_lease_keeps_it(workers, desk, driver):
    """What the engine asks goes over an event loop of its own."""
    journey = desk.start(Blocking)
    worker, other = workers.one(recovery_interval=0.1), workers.one(recovery_interval=0.1)
    wait_until(lambda: desk.all_finished(Blocking))

    assert outcomes(desk.fresh(journey)) == ["completed"]
    assert (diary.words(journey.id), desk.notes(journey)) == (["began"], ["blocked"])
    assert not {"recovered", "settled_by_another", "trouble"} & {*worker.names, *other.names}


@pytest.mark.parametrize("driver", ["async"])
def test_a_cancelled_async_step_has_ended_before_its_timeout_is_settled(workers, desk, driver):
    journey = desk.start(Late)
    workers.one()
    wait_until(lambda: diary.words(journey.id) == ["cleaned up"])
    wait_until(lambda: desk.fresh(journey).state == State.PAUSED)

    journey = desk.fresh(journey)
    (entry,) = journey.history
    assert entry.error_class == "stepper_motor.journeys.errors.StepTimeout"
    assert (entry.finished_at - entry.started_at).total_seconds() >= 0.6
    assert desk.notes(journey) == ["cleaned up"]
    assert journey.failures == 1
