"""Starting one journey. SEMANTICS 1: `start`, and the ORM's own ways."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError

from stepper_motor import InvalidState, State, StepperMotorError, now, step
from stepper_motor.django import Journey
from tests.django.conftest import NOON
from tests.shop.journeys import Drip
from tests.shop.models import Customer, Payment, PaymentJourney

pytestmark = pytest.mark.django_db


class LateStart(Journey[Customer]):
    @step(wait=timedelta(hours=10))
    def begin(self): ...


class NoSteps(Journey[Customer]):
    after = []

    def after_finish(self):
        self.after.append(self.pk)


class BrokenStart(Journey[Customer]):
    @step(wait=lambda journey: timedelta(seconds=journey.data["seconds"]))
    def begin(self): ...


def test_a_journey_starts_ready_for_its_first_step(clock, customer):
    journey = Drip.start(customer)
    assert isinstance(journey, Drip)
    assert (journey.state, journey.next_step_name, journey.previous_step_name) == (State.READY, "welcome", None)
    assert journey.next_step_to_be_performed_at == journey.created_at == journey.arrived_at == clock.now()
    assert (journey.attempts, journey.failures, journey.losses, journey.round) == (0, 0, 0, 0)
    assert (journey.steps_entered, journey.steps_completed) == (0, 0)
    assert journey.fence
    assert journey.hero == customer


def test_the_row_says_what_the_object_says(clock, customer):
    journey = Drip.start(customer, data={"campaign": 3}, key="summer")
    found = Journey.objects.get(pk=journey.pk)
    for field in journey._meta.concrete_fields:
        assert getattr(found, field.attname) == getattr(journey, field.attname), field.name


def test_the_first_wait_is_counted_from_the_creation(clock, customer):
    assert LateStart.start(customer).next_step_to_be_performed_at == clock.now() + timedelta(hours=10)


def test_at_says_when_the_first_step_is_due_instead(clock, customer):
    tomorrow = clock.now() + timedelta(days=1)
    assert LateStart.start(customer, at=tomorrow).next_step_to_be_performed_at == tomorrow


def test_a_journey_may_have_no_hero():
    first, second = Drip.start(), Drip.start(None)
    assert first.hero is None
    assert second.hero_id is None
    assert Drip.objects.for_hero(None).count() == 2


def test_data_is_the_journeys_own_json(customer):
    assert Drip.start(customer).data == {}
    Drip.objects.all().delete()
    Drip.start(customer, data={"coupons": ["a", "b"], "vip": None})
    assert Drip.objects.get().data == {"coupons": ["a", "b"], "vip": None}


def test_the_orms_own_create_starts_a_journey_as_well(clock, customer):
    journey = Drip.objects.create(hero=customer, data={"from": "create"})
    assert (journey.state, journey.next_step_name, journey.type) == ("ready", "welcome", "shop.Drip")
    assert journey.next_step_to_be_performed_at == clock.now()


def test_and_so_does_saving_a_new_one(clock, customer):
    journey = Drip(hero=customer)
    journey.save()
    assert Drip.objects.get() == journey
    assert journey.next_step_name == "welcome"


def test_a_class_without_steps_is_finished_at_creation(clock, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        journey = NoSteps.start()
    assert (journey.state, journey.ended_at) == (State.FINISHED, clock.now())
    assert journey.next_step_name is None
    assert journey.perform_next_step() is None
    assert NoSteps.after == [journey.pk]


def test_the_base_of_all_journeys_has_no_steps_to_start(customer):
    with pytest.raises(StepperMotorError, match="Journey itself can't be started: start one of the classes derived"):
        Journey.start(customer)


def test_a_journey_with_a_table_of_its_own_is_given_its_own_columns():
    payment = Payment.objects.create(amount=20)
    PaymentJourney.start(payment, amount=Decimal("12.50"), notes=["by hand"])
    journey = PaymentJourney.objects.get()
    assert (journey.hero, journey.amount, journey.notes) == (payment, Decimal("12.50"), ["by hand"])


def test_a_hero_must_have_been_saved():
    with pytest.raises(ValueError, match="save it before its journey starts"):
        Drip.start(Customer(name="nobody"))
    with pytest.raises(ValueError, match="unsaved"):
        PaymentJourney.start(Payment())
    assert not Drip.objects.exists()
    assert not PaymentJourney.objects.exists()


@pytest.mark.parametrize("column", ["state", "fence", "next_step_name", "reason"])
def test_the_engines_columns_are_the_engines(customer, column):
    with pytest.raises(StepperMotorError, match=f"{column} is the engine's column"):
        Drip.start(customer, **{column: "paused"})
    assert not Drip.objects.exists()


def test_a_wait_that_raises_starts_nothing_and_the_object_may_be_saved_later(customer):
    journey = BrokenStart(hero=customer)
    with pytest.raises(KeyError, match="seconds"):
        journey.save()
    assert not BrokenStart.objects.exists()
    journey.data = {"seconds": 3}
    journey.save()
    assert BrokenStart.objects.get().state == "ready"


def test_a_negative_first_wait_is_an_error(customer):
    with pytest.raises(ValueError, match="negative"):
        BrokenStart.start(customer, data={"seconds": -3})
    assert not BrokenStart.objects.exists()


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
        Drip.start(customer, **given)
    assert not Drip.objects.exists()


def test_what_json_can_not_hold_is_an_error_and_starts_nothing(customer):
    with pytest.raises(TypeError, match="JSON"):
        Drip.start(customer, data={"when": NOON})
    with pytest.raises(DatabaseError):
        Drip.start(customer, data={"ratio": float("nan")})
    assert not Drip.objects.exists()


def test_an_unknown_column_is_an_error(customer):
    with pytest.raises(TypeError, match="campaign"):
        Drip.start(customer, campaign=3)


def test_the_librarys_clock_is_the_one_that_counts(clock, customer):
    clock.move(timedelta(days=400))
    assert Drip.start(customer).created_at == now() == NOON + timedelta(days=400)


def test_verbs_on_a_journey_that_was_never_started_say_so(customer):
    with pytest.raises(InvalidState, match="can't cancel a journey that is not started: save it first"):
        Drip(hero=customer).cancel()
