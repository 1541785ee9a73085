"""Verbs called in one process while a worker in another performs the step (SEMANTICS 5)."""

from __future__ import annotations

import pytest

from stepper_motor import State
from stepper_motor.journeys.errors import InvalidState
from tests.conditions import wait_until
from tests.worker import diary
from tests.worker.journeys import Bidden

pytestmark = pytest.mark.processes


@pytest.fixture
def begin(crew):
    """Starts journeys, one for each thing a body is to do, and returns them while their steps run."""

    def begin(*does):
        journeys = [Bidden.start(data={"does": each}) for each in does]
        wait_until(lambda: all("began" in diary.words(journey.pk) for journey in journeys))
        for journey in journeys:
            journey.refresh_from_db()
        return journeys

    crew.worker("--concurrency", "8")
    return begin


def let_it_end(journey):
    """Open the gate, and wait until nothing holds the journey any more."""
    diary.open_gate(f"gate {journey.pk}")
    wait_until(lambda: Bidden.objects.get(pk=journey.pk).performed_by is None)
    journey.refresh_from_db()


def outcomes(journey):
    return [entry.outcome for entry in journey.history.all()]


def test_while_a_step_runs_cancel_and_pause_act_at_once_and_the_step_runs_to_its_end(begin):
    canceled, paused = begin(None, None)
    before = canceled._row

    canceled.cancel("enough", by="me")
    paused.pause("a moment", by="me")
    for journey, state in ((canceled, State.CANCELED), (paused, State.PAUSED)):
        journey.refresh_from_db()
        assert (journey.state, journey.performed_by is not None) == (state, True)
        assert diary.words(journey.pk) == ["began"]
        with pytest.raises(InvalidState):
            journey.skip()
        let_it_end(journey)

    assert (canceled.state, canceled.reason) == (State.CANCELED, "enough")
    assert (canceled.previous_step_name, canceled.next_step_name) == ("act", "rest")
    assert (canceled.steps_entered, canceled.steps_completed) == (1, 1)
    assert canceled.next_step_to_be_performed_at == before.next_step_to_be_performed_at
    assert canceled.fence == before.fence
    assert outcomes(canceled) == ["canceled", "completed"]

    assert (paused.state, paused.reason) == (State.PAUSED, "a moment")
    assert (paused.previous_step_name, paused.next_step_name) == ("act", "rest")
    assert (paused.steps_entered, paused.steps_completed) == (1, 1)
    assert outcomes(paused) == ["paused", "completed"]
    assert diary.words(paused.pk) == ["began", "ended", "after_pause"]
    assert diary.words(canceled.pk) == ["began", "ended", "after_cancel"]

    paused.resume()
    wait_until(lambda: Bidden.objects.get(pk=paused.pk).state == State.FINISHED)


COMES_TO = {
    "finish": (State.FINISHED, State.CANCELED),
    "cancel": (State.CANCELED, State.CANCELED),
    "raise": (State.PAUSED, State.CANCELED),
    "reattempt": (State.PAUSED, State.CANCELED),
}
"""What the body does, and the states it leads to under a pause and under a cancel."""


def test_what_the_body_comes_to_under_a_pause_or_a_cancel(begin):
    journeys = begin(*COMES_TO, *COMES_TO)
    for (does, (when_paused, when_canceled)), paused, canceled in zip(
        COMES_TO.items(), journeys[: len(COMES_TO)], journeys[len(COMES_TO) :], strict=True
    ):
        paused.pause()
        canceled.cancel()
        let_it_end(paused)
        let_it_end(canceled)

        assert (does, paused.state, canceled.state) == (does, when_paused, when_canceled)
        assert (paused.steps_entered, canceled.steps_entered) == (1, 1)
        assert canceled.attempts == 0


def test_a_resume_while_the_paused_step_still_runs_leads_back_to_performing(begin):
    (journey,) = begin(None)
    fence = journey.fence

    journey.pause()
    journey.resume()
    journey.refresh_from_db()
    assert (journey.state, journey.fence) == (State.PERFORMING, fence)
    diary.open_gate(f"gate {journey.pk}")
    wait_until(lambda: Bidden.objects.get(pk=journey.pk).state == State.FINISHED)

    assert diary.words(journey.pk) == ["began", "ended", "rested"]
