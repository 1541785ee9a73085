"""One step of one journey: the next, or a named one."""

from datetime import timedelta

import pytest

from stepper_motor import AlreadyOnJourney, Completed, Failed, InvalidState, State, now, step
from stepper_motor.django import Journey
from stepper_motor.motor import clock as library
from stepper_motor.testing import perform_next_step, perform_step, travel
from tests.shop.journeys import Drip
from tests.shop.models import Customer, Spy
from tests.testing.conftest import NEW_YEAR

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def told():
    return list(Spy.objects.order_by("pk").values_list("word", flat=True))


class OneTwoThree(Journey[Customer]):
    def tell(self, word):
        Spy.objects.create(journey_id=str(self.pk), word=f"{word}, round {self.round}")

    @step
    def one(self):
        self.tell("one")

    @step(wait=DAY, formerly=("deux",))
    def two(self):
        self.tell("two")

    @step(wait=DAY)
    def three(self):
        self.tell("three")


def test_the_next_step_is_performed_whether_it_is_due_or_not(customer):
    journey = Drip.start(customer)
    assert [perform_next_step(journey) for _ in range(3)] == [Completed()] * 3
    assert told() == ["welcome", "remind", "farewell"]
    assert journey.state == State.FINISHED


def test_a_standing_clock_is_then_at_the_time_of_the_step(customer, clock):
    journey = Drip.start(customer)
    perform_next_step(journey)
    assert now() == NEW_YEAR
    perform_next_step(journey)
    assert now() == NEW_YEAR + 2 * DAY
    assert journey.next_step_to_be_performed_at == NEW_YEAR + 32 * DAY


def test_a_clock_that_nobody_made_stand_returns(customer):
    before = library.installed()
    journey = Drip.start(customer)
    perform_next_step(journey)
    perform_next_step(journey)
    assert library.installed() is before
    assert journey.history.last().finished_at > now() + DAY


def test_within_a_travel_the_time_of_before_returns_with_its_end(customer, clock):
    journey = Drip.start(customer)
    with travel(DAY):
        perform_next_step(journey)
        perform_next_step(journey)
        assert now() == NEW_YEAR + 3 * DAY
    assert now() == NEW_YEAR


@pytest.mark.parametrize(
    ("verb", "told"),
    [
        ("pause", r"paused: Paused: on holiday\."),
        ("cancel", "canceled: Canceled .*: on holiday"),
        ("finish", "finished"),
    ],
)
def test_a_journey_that_does_not_move_is_an_error_that_says_why(customer, verb, told):
    journey = OneTwoThree.start(customer)
    getattr(journey, verb)(reason="on holiday")
    with pytest.raises(InvalidState, match=f"can't perform the next step of a journey that is {told}"):
        perform_next_step(journey)


class ExplodesOnce(Journey[Customer]):
    @step
    def explode(self):
        raise RuntimeError("boom")


def test_what_the_step_raises_is_raised_once_it_is_settled(customer):
    journey = ExplodesOnce.start(customer)
    with pytest.raises(RuntimeError, match="boom"):
        perform_next_step(journey)
    assert journey.state == State.PAUSED


def test_or_is_told_in_the_outcome(customer):
    outcome = perform_next_step(ExplodesOnce.start(customer), reraise=False)
    assert isinstance(outcome, Failed)
    assert str(outcome.error) == "boom"


def test_a_named_step_is_performed_wherever_the_journey_stands(customer):
    journey = OneTwoThree.start(customer)
    assert perform_step(journey, "three") == Completed()
    assert journey.state == State.FINISHED
    assert perform_step(journey, "one") == Completed()
    assert journey.next_step_name == "two"
    assert told() == ["three, round 1", "one, round 2"]


def test_where_it_is_the_next_one_nothing_jumps(customer):
    journey = OneTwoThree.start(customer)
    perform_step(journey, "one")
    perform_step(journey, "two")
    assert told() == ["one, round 0", "two, round 0"]
    assert [entry.outcome for entry in journey.history.all()] == ["completed", "completed"]


def test_it_is_found_by_a_former_name_too(customer):
    perform_step(OneTwoThree.start(customer), "deux")
    assert told() == ["two, round 1"]


def test_a_paused_journey_performs_it_and_goes_on(customer):
    journey = OneTwoThree.start(customer)
    journey.pause()
    perform_step(journey, "one")
    assert journey.state == State.READY


def test_a_step_that_there_is_not_is_an_error_that_lists_the_steps(customer):
    with pytest.raises(ValueError, match="OneTwoThree has no step 'four'; it has one, two, three"):
        perform_step(OneTwoThree.start(customer), "four")


def test_an_ended_journey_whose_hero_is_on_another_one_stays_ended(customer):
    journey = OneTwoThree.start(customer)
    journey.cancel()
    OneTwoThree.start(customer)
    with pytest.raises(AlreadyOnJourney):
        perform_step(journey, "one")


def test_a_step_that_deletes_its_journey_leaves_no_outcome(customer):
    class DeletesItselfOnce(Journey[Customer]):
        @step
        def vanish(self):
            DeletesItselfOnce.objects.filter(pk=self.pk).delete()

    assert perform_next_step(DeletesItselfOnce.start(customer)) is None
