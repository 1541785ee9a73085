"""Questions about journeys. SEMANTICS 1: queries and knowledge."""

from collections import Counter
from datetime import timedelta

import pytest

from stepper_motor import State, step
from tests.home import (
    NOON,
    Account,
    Country,
    Customer,
    Drip,
    Journey,
    OrderLine,
    Payment,
    PaymentJourney,
    Profile,
    ThreeSteps,
    create,
    execute,
    heroes_off,
    heroes_on,
    only,
    start,
    table_of,
    these,
)
from tests.semantics.holding import hold
from tests.semantics.seen import entries_of

pytestmark = pytest.mark.database

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
    journeys = {state: start(Trip) for state in State}
    journeys[State.PAUSED].pause()
    journeys[State.CANCELED].cancel()
    journeys[State.FINISHED].finish()
    hold(journeys[State.PERFORMING], NOON + HOUR)
    return journeys


@pytest.mark.parametrize("state", State)
def test_journeys_are_found_by_their_state(in_each_state, state):
    for journeys in (these(Trip), these(Journey, round=0)):
        assert getattr(journeys, state.value)().get() == in_each_state[state]


def test_ongoing_are_those_that_take_their_heros_place(in_each_state):
    ongoing = {in_each_state[state] for state in (State.READY, State.PERFORMING, State.PAUSED)}
    assert set(these(Trip).ongoing()) == ongoing
    assert {state for state in State if state.ongoing} == {journey.state for journey in these(Trip).ongoing()}


def test_due_are_those_that_are_ready_and_whose_time_has_come(in_each_state, clock):
    later = start(Trip, at=NOON + 3 * HOUR)
    assert list(these(Trip).due()) == [in_each_state[State.READY]]
    assert set(these(Trip).due(NOON + 3 * HOUR)) == {in_each_state[State.READY], later}
    clock.move(3 * HOUR)
    assert later in these(Trip).due()
    with pytest.raises(ValueError, match="aware"):
        these(Trip).due(NOON.replace(tzinfo=None))


def test_lost_are_those_whose_lease_is_over_whatever_their_state(in_each_state, clock):
    hold(in_each_state[State.CANCELED], NOON + HOUR, "canceled")
    assert not these(Trip).lost().count()
    clock.move(HOUR)
    assert set(these(Trip).lost()) == {in_each_state[State.PERFORMING], in_each_state[State.CANCELED]}


def test_they_can_be_joined_to_other_questions(in_each_state, customer):
    start(Trip, customer)
    start(Drip, customer)
    assert these(Journey).ready().for_hero(customer).filter(type=Drip.definition.type_name).count() == 1
    assert Counter(journey.state for journey in these(Trip)) == {
        "canceled": 1,
        "finished": 1,
        "paused": 1,
        "performing": 1,
        "ready": 2,
    }


@pytest.mark.parametrize(
    ("model", "made"),
    [
        (Customer, lambda n: create(Customer, name=str(n))),
        (Account, lambda n: create(Account)),
        (Country, lambda n: create(Country, code=f"x{n}")),
        (Profile, lambda n: create(Profile, customer=create(Customer, name=str(n)))),
        (Payment, lambda n: create(Payment)),
    ],
)
def test_presence_tells_heroes_that_are_on_such_a_journey_from_those_that_are_not(model, made):
    ready, paused, was_on_it, never, other = [made(n) for n in range(5)]
    start(ThreeSteps, ready)
    start(ThreeSteps, paused).pause()
    start(ThreeSteps, was_on_it).cancel()
    start(Drip, other)
    assert set(heroes_on(ThreeSteps, model)) == {ready, paused}
    assert set(heroes_off(ThreeSteps, model)) == {was_on_it, never, other}
    assert set(heroes_on(Journey, model)) == {ready, paused, other}


def test_presence_where_the_hero_is_a_foreign_key():
    on_it, never = create(Payment), create(Payment)
    start(PaymentJourney, on_it)
    assert heroes_on(PaymentJourney, Payment).get() == on_it
    assert heroes_off(PaymentJourney, Payment).get() == never


def test_presence_of_a_key_that_is_no_single_text_is_an_error():
    with pytest.raises(ValueError, match="OrderLine has a composite primary key"):
        ThreeSteps.presence(OrderLine)


def test_a_hero_that_was_not_saved_has_no_journeys():
    with pytest.raises(ValueError, match="save it|flush it"):
        these(Trip).for_hero(Customer())


def test_the_steps_of_a_class(clock):
    assert Trip.steps.names == start(LongTrip).steps.names == ("leave", "stay", "come_back")
    assert Trip.steps.first.name == "leave"
    assert "come_home" in Trip.steps


def test_the_history_tells_what_happened_in_order(clock, customer):
    journey = start(Trip, customer)
    journey.perform_next_step()
    journey.pause("a storm", by=customer)
    journey.resume(by="the weather service")
    told = [(entry.step_name, entry.attempt, entry.outcome, entry.state, entry.reason, entry.by)
            for entry in entries_of(journey)]  # fmt: skip
    assert told[0][:4] == ("leave", 1, "completed", "ready")
    assert told[1:] == [
        ("stay", None, "paused", "paused", "a storm", "Ada"),
        ("stay", None, "resumed", "ready", None, "the weather service"),
    ]
    assert {entry.finished_at for entry in entries_of(journey)} == {NOON}
    assert str(entries_of(journey)[0]) == "2030-01-10 12:00:00 leave (attempt 1): completed, ready"


def test_explain_says_where_a_journey_stands_and_what_comes_next(clock):
    journey = start(Trip)
    journey.perform_next_step()
    told = journey.explain()
    assert (told.state, told.step, told.due) == (State.READY, "stay", NOON + 2 * HOUR)
    assert told.coming == (("come_back", NOON + 6 * HOUR),)
    journey.pause("a storm")
    assert "a storm" in str(only(Trip).explain())


def test_the_time_that_remains_until_the_final_step(clock):
    journey = start(Trip)
    assert journey.time_remaining_until_final_step() == 6 * HOUR
    journey.perform_next_step()
    clock.move(HOUR)
    assert journey.time_remaining_until_final_step() == 5 * HOUR
    journey.cancel()
    assert journey.time_remaining_until_final_step() is None


def test_whether_a_step_was_completed(clock):
    journey = start(Trip)
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
    journey = start(Trip)
    journey.perform_next_step()
    execute(f"UPDATE {table_of(Trip.History)} SET step_name = 'come_home'")
    assert journey.has_completed("come_back")


def test_the_diagram_is_a_flow_chart_of_the_steps():
    assert Trip.diagram().startswith("flowchart")
    assert all(name in Trip.diagram() for name in Trip.steps.names)
