"""What a test may claim of a journey, and what it is told when that is not so."""

from datetime import timedelta

import pytest

from stepper_motor import State, step
from stepper_motor.django import Journey
from stepper_motor.testing import (
    assert_at_step,
    assert_canceled,
    assert_completed,
    assert_due,
    assert_finished,
    assert_paused,
    assert_skipped,
    assert_state,
    perform_next_step,
    speedrun,
    travel,
)
from tests.shop.models import Customer
from tests.testing.conftest import NEW_YEAR

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


class ClaimedSignup(Journey[Customer]):
    @step
    def welcome(self): ...

    @step(wait=2 * DAY, skip_if="is_active", formerly=("nudge",))
    def remind(self): ...

    @step(wait=5 * DAY)
    def farewell(self):
        if self.hero.name == "Grace":
            raise RuntimeError("no such letter")

    def is_active(self):
        return self.hero.name == "Ada"


@pytest.fixture
def journey(customer, clock):
    return ClaimedSignup.start(customer)


def message(assertion, *args, **kwargs):
    with pytest.raises(AssertionError) as caught:
        assertion(*args, **kwargs)
    return str(caught.value)


def test_its_state(journey):
    assert_state(journey, "ready")
    assert_state(journey, State.READY)
    assert message(assert_state, journey, "paused").startswith(
        f"expected ClaimedSignup {journey.pk} to be paused, but it is ready. Nothing has happened to it so far.\n"
    )
    with pytest.raises(ValueError, match="'asleep' is not a valid State"):
        assert_state(journey, "asleep")


def test_the_message_tells_the_history(journey):
    perform_next_step(journey)
    journey.pause("on holiday", by="Grace")
    told = message(assert_finished, journey)
    assert told.splitlines()[:3] == [
        f"expected ClaimedSignup {journey.pk} to be finished, but it is paused (on holiday). History so far:",
        "  2030-01-01 09:00:00 UTC  welcome: completed, ready",
        "  2030-01-01 09:00:00 UTC  remind (from outside, by Grace): paused (on holiday)",
    ]


def test_they_look_at_the_row_and_leave_the_object_alone(journey):
    journey.data["draft"] = True
    ClaimedSignup.objects.get().pause()
    assert_paused(journey)
    assert journey.state == State.READY
    assert journey.data == {"draft": True}


def test_that_it_is_finished(journey):
    speedrun(journey)
    assert_finished(journey)
    assert "to be canceled, but it is finished" in message(assert_canceled, journey)


def test_why_it_is_canceled(journey):
    journey.cancel("moved to the moon")
    assert_canceled(journey)
    assert_canceled(journey, reason="moon")
    assert "because of 'sun', but it is canceled because of 'moved to the moon'" in message(
        assert_canceled, journey, reason="sun"
    )


def test_why_it_is_paused(journey):
    journey.pause()
    assert_paused(journey)
    assert "but it is paused without a reason" in message(assert_paused, journey, reason="holiday")


def test_an_exception_that_paused_it_is_the_reason(customer):
    customer.name = "Grace"
    customer.save()
    journey = ClaimedSignup.start(customer)
    speedrun(journey, reraise=False)
    assert_paused(journey, reason="RuntimeError: no such letter")


def test_at_which_step_it_is(journey):
    assert_at_step(journey, "welcome")
    perform_next_step(journey)
    assert_at_step(journey, "remind")
    assert_at_step(journey, "nudge")
    assert "to be at step 'farewell', but it is at 'remind'" in message(assert_at_step, journey, "farewell")
    journey.cancel()
    assert "to be at step 'remind', but it is canceled" in message(assert_at_step, journey, "remind")
    with pytest.raises(ValueError, match="ClaimedSignup has no step 'wellcome'; it has welcome, remind, farewell"):
        assert_at_step(journey, "wellcome")


def test_which_steps_are_completed_in_which_order(journey):
    speedrun(journey)
    assert_completed(journey)
    assert_completed(journey, "welcome", "farewell")
    assert "to have completed remind, but completed are welcome, farewell" in message(
        assert_completed, journey, "remind"
    )
    assert "to have completed farewell, welcome" in message(assert_completed, journey, "farewell", "welcome")
    with pytest.raises(ValueError, match="has no step"):
        assert_completed(journey, "wellcome")


def test_which_steps_are_skipped(journey):
    journey.skip()
    assert_skipped(journey, "welcome")
    speedrun(journey)
    assert_skipped(journey, "welcome", "nudge")
    assert "to have completed welcome, but completed is farewell" in message(assert_completed, journey, "welcome")


def test_when_it_is_due(journey):
    assert_due(journey)
    perform_next_step(journey)
    assert_due(journey, 2 * DAY)
    assert_due(journey, NEW_YEAR + 2 * DAY)
    assert_due(journey, 2 * 86400)
    assert message(assert_due, journey, DAY).startswith(
        f"expected ClaimedSignup {journey.pk} to be due 2030-01-02 09:00:00 UTC (in 1 day), but it is due "
        "2030-01-03 09:00:00 UTC (in 2 days). History so far:"
    )
    assert "to be due 2030-01-01 09:00:00 UTC (less than a second ago)" in message(assert_due, journey)


def test_what_is_overdue_is_due_and_may_be_a_second_off(journey):
    with travel(DAY):
        assert_due(journey)
        assert_due(journey, -DAY)
        assert "but it is due" in message(assert_due, journey, DAY)
    assert_due(journey, timedelta(seconds=1))
    assert "but it is due" in message(assert_due, journey, timedelta(seconds=2))
    assert_due(journey, DAY, within=DAY)


def test_a_journey_that_does_not_move_is_never_due(journey):
    journey.pause("on holiday")
    assert "to be due, but it is paused (on holiday)" in message(assert_due, journey)


def test_a_journey_that_was_deleted(journey):
    ClaimedSignup.objects.all().delete()
    assert message(assert_finished, journey) == f"ClaimedSignup {journey.pk} is gone: its row was deleted"
