"""Starting one journey. SEMANTICS 1: `start`, and the ORM's own ways."""

from datetime import timedelta
from decimal import Decimal

import pytest

from stepper_motor import State, StepperMotorError, now, step
from tests.home import (
    NOON,
    NOT_STARTED,
    Customer,
    Drip,
    Journey,
    NotJson,
    Payment,
    PaymentJourney,
    columns_of,
    count,
    create,
    delete,
    found,
    only,
    save,
    start,
    these,
)

pytestmark = pytest.mark.database


class LateStart(Journey[Customer]):
    @step(wait=timedelta(hours=10))
    def begin(self): ...


class NoSteps(Journey[Customer]):
    after = []

    def after_finish(self):
        self.after.append(self.id)


class BrokenStart(Journey[Customer]):
    @step(wait=lambda journey: timedelta(seconds=journey.data["seconds"]))
    def begin(self): ...


def test_a_journey_starts_ready_for_its_first_step(clock, customer):
    journey = start(Drip, customer)
    assert isinstance(journey, Drip)
    assert (journey.state, journey.next_step_name, journey.previous_step_name) == (State.READY, "welcome", None)
    assert journey.next_step_to_be_performed_at == journey.created_at == journey.arrived_at == clock.now()
    assert (journey.attempts, journey.failures, journey.losses, journey.round) == (0, 0, 0, 0)
    assert (journey.steps_entered, journey.steps_completed) == (0, 0)
    assert journey.fence
    assert journey.hero == customer


def test_the_row_says_what_the_object_says(clock, customer):
    journey = start(Drip, customer, data={"campaign": 3}, key="summer")
    assert columns_of(found(journey)) == columns_of(journey)


def test_the_first_wait_is_counted_from_the_creation(clock, customer):
    assert start(LateStart, customer).next_step_to_be_performed_at == clock.now() + timedelta(hours=10)


def test_at_says_when_the_first_step_is_due_instead(clock, customer):
    tomorrow = clock.now() + timedelta(days=1)
    assert start(LateStart, customer, at=tomorrow).next_step_to_be_performed_at == tomorrow


def test_a_journey_may_have_no_hero():
    first, second = start(Drip), start(Drip, None)
    assert first.hero is None
    assert second.hero_id is None
    assert these(Drip).for_hero(None).count() == 2


def test_data_is_the_journeys_own_json(customer):
    assert start(Drip, customer).data == {}
    delete(only(Drip))
    start(Drip, customer, data={"coupons": ["a", "b"], "vip": None})
    assert only(Drip).data == {"coupons": ["a", "b"], "vip": None}


def test_the_orms_own_create_starts_a_journey_as_well(clock, customer):
    journey = create(Drip, hero=customer, data={"from": "create"})
    assert (journey.state, journey.next_step_name, journey.type) == ("ready", "welcome", Drip.definition.type_name)
    assert journey.next_step_to_be_performed_at == clock.now()


def test_and_so_does_saving_a_new_one(clock, customer):
    journey = Drip(hero=customer)
    save(journey)
    assert only(Drip) == journey
    assert journey.next_step_name == "welcome"


@pytest.mark.database(transaction=True)
def test_a_class_without_steps_is_finished_at_creation(clock):
    NoSteps.after.clear()
    journey = start(NoSteps)
    assert (journey.state, journey.ended_at) == (State.FINISHED, clock.now())
    assert journey.next_step_name is None
    assert journey.perform_next_step() is None
    assert NoSteps.after == [journey.id]


def test_the_base_of_all_journeys_has_no_steps_to_start(customer):
    with pytest.raises(StepperMotorError, match="Journey itself can't be started: start one of the classes derived"):
        start(Journey, customer)


def test_a_journey_with_a_table_of_its_own_is_given_its_own_columns():
    payment = create(Payment, amount=20)
    start(PaymentJourney, payment, amount=Decimal("12.50"), notes=["by hand"])
    journey = only(PaymentJourney)
    assert (journey.hero, journey.amount, journey.notes) == (payment, Decimal("12.50"), ["by hand"])


def test_a_hero_must_have_been_saved():
    with pytest.raises(ValueError, match="save it before its journey starts|session.add"):
        start(Drip, Customer(name="nobody"))
    assert not count(Drip)


@pytest.mark.only_in("django")
def test_also_where_it_is_a_foreign_key():
    with pytest.raises(ValueError, match="unsaved"):
        start(PaymentJourney, Payment())
    assert not count(PaymentJourney)


@pytest.mark.only_in("sqlalchemy", "sqlalchemy-async")
def test_there_it_is_saved_along_with_its_journey():
    start(PaymentJourney, Payment(amount=3))
    assert only(PaymentJourney).hero == only(Payment)


@pytest.mark.parametrize("column", ["state", "fence", "next_step_name", "reason"])
def test_the_engines_columns_are_the_engines(customer, column):
    with pytest.raises(StepperMotorError, match=f"{column} is the engine's column"):
        start(Drip, customer, **{column: "paused"})
    assert not count(Drip)


def test_a_wait_that_raises_starts_nothing_and_the_object_may_be_saved_later(customer):
    journey = BrokenStart(hero=customer)
    with pytest.raises(KeyError, match="seconds"):
        save(journey)
    assert not count(BrokenStart)
    journey.data = {"seconds": 3}
    save(journey)
    assert only(BrokenStart).state == "ready"


def test_a_negative_first_wait_is_an_error(customer):
    with pytest.raises(ValueError, match="negative"):
        start(BrokenStart, customer, data={"seconds": -3})
    assert not count(BrokenStart)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"on_conflict": "panic"}, "on_conflict must be one of raise, existing, ignore, replace, got 'panic'"),
        ({"at": NOON.replace(tzinfo=None)}, "aware"),
        ({"at": "tomorrow"}, "tomorrow"),
        ({"key": "k" * 101}, "key .* 100 characters"),
        ({"key": None}, "key"),
    ],
)
def test_a_wrong_argument_is_a_value_error_and_starts_nothing(customer, given, said):
    with pytest.raises(ValueError, match=said):
        start(Drip, customer, **given)
    assert not count(Drip)


def test_what_json_can_not_hold_is_an_error_and_starts_nothing(customer):
    with pytest.raises(TypeError, match="JSON"):
        start(Drip, customer, data={"when": NOON})
    with pytest.raises(NotJson):
        start(Drip, customer, data={"ratio": float("nan")})
    assert not count(Drip)


def test_an_unknown_column_is_an_error(customer):
    with pytest.raises(TypeError, match="campaign"):
        start(Drip, customer, campaign=3)


def test_the_librarys_clock_is_the_one_that_counts(clock, customer):
    clock.move(timedelta(days=400))
    assert start(Drip, customer).created_at == now() == NOON + timedelta(days=400)


def test_verbs_on_a_journey_that_was_never_started_say_so(customer):
    error, said = NOT_STARTED
    with pytest.raises(error, match=said):
        Drip(hero=customer).cancel()
