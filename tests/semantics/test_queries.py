"""Questions about journeys. SEMANTICS 1: queries and knowledge."""

from datetime import timedelta

import pytest
from django.db.models import Count

from stepper_motor import State, step
from stepper_motor.django import Journey
from tests.django.conftest import NOON
from tests.django.holding import hold
from tests.shop.journeys import Drip, ThreeSteps
from tests.shop.models import Account, Country, Customer, OrderLine, Payment, PaymentJourney, Profile, VipCustomer

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


class Trip(Journey[Customer]):
    @step
    def leave(self): ...

    @step(wait=2 * HOUR)
    def stay(self): ...

    @step(wait=4 * HOUR, formerly=("come_home",))
    def come_back(self): ...


class LongTrip(Trip): ...


@pytest.fixture
def in_each_state(clock):
    """One journey in each state, by its state."""
    journeys = {state: Trip.start() for state in State}
    journeys[State.PAUSED].pause()
    journeys[State.CANCELED].cancel()
    journeys[State.FINISHED].finish()
    hold(journeys[State.PERFORMING], NOON + HOUR)
    return journeys


@pytest.mark.parametrize("state", State)
def test_journeys_are_found_by_their_state(in_each_state, state):
    for journeys in (Trip.objects, Trip.objects.all(), Journey.objects.filter(round=0)):
        assert getattr(journeys, state.value)().get() == in_each_state[state]


def test_ongoing_are_those_that_take_their_heros_place(in_each_state):
    ongoing = {in_each_state[state] for state in (State.READY, State.PERFORMING, State.PAUSED)}
    assert set(Trip.objects.ongoing()) == ongoing
    assert {state for state in State if state.ongoing} == {journey.state for journey in Trip.objects.ongoing()}


def test_due_are_those_that_are_ready_and_whose_time_has_come(in_each_state, clock):
    later = Trip.start(at=NOON + 3 * HOUR)
    assert list(Trip.objects.due()) == [in_each_state[State.READY]]
    assert set(Trip.objects.due(NOON + 3 * HOUR)) == {in_each_state[State.READY], later}
    clock.move(3 * HOUR)
    assert later in Trip.objects.due()
    with pytest.raises(ValueError, match="aware"):
        Trip.objects.due(NOON.replace(tzinfo=None))


def test_lost_are_those_whose_lease_is_over_whatever_their_state(in_each_state, clock):
    hold(in_each_state[State.CANCELED], NOON + HOUR, "canceled")
    assert not Trip.objects.lost().exists()
    clock.move(HOUR)
    assert set(Trip.objects.lost()) == {in_each_state[State.PERFORMING], in_each_state[State.CANCELED]}


def test_they_can_be_joined_to_other_questions(in_each_state, customer):
    Trip.start(customer)
    Drip.start(customer)
    assert Journey.objects.ready().for_hero(customer).filter(type="shop.Drip").count() == 1
    counts = Trip.objects.values("state").annotate(count=Count("pk")).order_by("state").values_list("state", "count")
    assert dict(counts) == {"canceled": 1, "finished": 1, "paused": 1, "performing": 1, "ready": 2}


@pytest.mark.parametrize(
    ("model", "made"),
    [
        (Customer, lambda n: Customer(name=str(n))),
        (Account, lambda n: Account()),
        (Country, lambda n: Country(code=f"x{n}")),
        (Profile, lambda n: Profile(customer=Customer.objects.create())),
        (Payment, lambda n: Payment()),
        (VipCustomer, lambda n: VipCustomer(name=str(n))),
    ],
)
def test_presence_tells_heroes_that_are_on_such_a_journey_from_those_that_are_not(model, made):
    ready, paused, was_on_it, never, other = [made(n) for n in range(5)]
    for hero in (ready, paused, was_on_it, never, other):
        hero.save()
    ThreeSteps.start(ready)
    ThreeSteps.start(paused).pause()
    ThreeSteps.start(was_on_it).cancel()
    Drip.start(other)
    assert set(model.objects.filter(ThreeSteps.presence(model))) == {ready, paused}
    assert set(model.objects.filter(~ThreeSteps.presence(model))) == {was_on_it, never, other}
    assert set(model.objects.filter(Journey.presence(model))) == {ready, paused, other}
    assert model.objects.annotate(on_it=ThreeSteps.presence(model)).get(pk=ready.pk).on_it


def test_presence_where_the_hero_is_a_foreign_key():
    on_it, never = Payment.objects.create(), Payment.objects.create()
    PaymentJourney.start(on_it)
    assert Payment.objects.filter(PaymentJourney.presence(Payment)).get() == on_it
    assert Payment.objects.filter(~PaymentJourney.presence(Payment)).get() == never


def test_presence_of_a_key_that_is_no_single_text_is_an_error():
    with pytest.raises(ValueError, match="OrderLine has a composite primary key"):
        ThreeSteps.presence(OrderLine)


def test_a_hero_that_was_not_saved_has_no_journeys():
    with pytest.raises(ValueError, match="save it"):
        Trip.objects.for_hero(Customer())


def test_the_steps_of_a_class(clock):
    assert Trip.steps.names == LongTrip.start().steps.names == ("leave", "stay", "come_back")
    assert Trip.steps.first.name == "leave"
    assert "come_home" in Trip.steps


def test_the_history_tells_what_happened_in_order(clock, customer):
    journey = Trip.start(customer)
    journey.perform_next_step()
    journey.pause("a storm", by=customer)
    journey.resume(by="the weather service")
    told = [(entry.step_name, entry.attempt, entry.outcome, entry.state, entry.reason, entry.by)
            for entry in journey.history.all()]  # fmt: skip
    assert told[0][:4] == ("leave", 1, "completed", "ready")
    assert told[1:] == [
        ("stay", None, "paused", "paused", "a storm", "Ada"),
        ("stay", None, "resumed", "ready", None, "the weather service"),
    ]
    assert {entry.finished_at for entry in journey.history.all()} == {NOON}
    assert str(journey.history.first()) == "2030-01-10 12:00:00 leave (attempt 1): completed, ready"


def test_explain_says_where_a_journey_stands_and_what_comes_next(clock):
    journey = Trip.start()
    journey.perform_next_step()
    told = journey.explain()
    assert (told.state, told.step, told.due) == (State.READY, "stay", NOON + 2 * HOUR)
    assert told.coming == (("come_back", NOON + 6 * HOUR),)
    journey.pause("a storm")
    assert "a storm" in str(Trip.objects.get().explain())


def test_the_time_that_remains_until_the_final_step(clock):
    journey = Trip.start()
    assert journey.time_remaining_until_final_step() == 6 * HOUR
    journey.perform_next_step()
    clock.move(HOUR)
    assert journey.time_remaining_until_final_step() == 5 * HOUR
    journey.cancel()
    assert journey.time_remaining_until_final_step() is None


def test_whether_a_step_was_completed(clock):
    journey = Trip.start()
    assert not journey.has_completed("leave")
    journey.perform_next_step()
    journey.skip()
    clock.move(10 * HOUR)
    journey.perform_next_step()
    assert journey.has_completed("leave")
    assert not journey.has_completed("stay")
    assert journey.has_completed("come_back")
    assert journey.has_completed("come_home")
    assert not journey.has_completed("a step that never was")


def test_what_was_completed_under_a_former_name_was_completed(clock):
    journey = Trip.start()
    journey.perform_next_step()
    journey.history.update(step_name="come_home")
    assert journey.has_completed("come_back")


def test_the_diagram_is_a_flow_chart_of_the_steps():
    assert Trip.diagram().startswith("flowchart")
    assert all(name in Trip.diagram() for name in Trip.steps.names)
