"""What Django's own ways to save add to the rules of tests/semantics/test_saving.py. SEMANTICS 1."""

import pytest

from stepper_motor import State, StepperMotorError, step
from stepper_motor.django import Journey
from tests.shop.models import Customer, Payment, PaymentJourney

pytestmark = pytest.mark.django_db


class Diary(Journey[Customer]):
    @step
    def write(self): ...

    @step
    def read(self): ...


def test_only_those_that_are_named(customer):
    journey = PaymentJourney.start(Payment.objects.create())
    journey.amount, journey.notes = 7, ["x"]
    journey.save(update_fields=["notes"])
    found = PaymentJourney.objects.get()
    assert (found.amount, found.notes) == (0, ["x"])


def test_also_when_it_was_made_by_a_bulk_create_or_changed_by_a_verb(customer):
    [journey] = Diary.objects.bulk_create([Diary(hero=customer)])
    journey.state = State.CANCELED
    with pytest.raises(StepperMotorError, match="state is the engine's column"):
        journey.save()
    journey.pause()
    journey.save()
    journey.state = State.READY
    with pytest.raises(StepperMotorError, match="state is the engine's column"):
        journey.save()


def test_reading_a_part_again_forgives_that_part_alone(customer):
    journey = Diary.start(customer)
    journey.state, journey.reason = State.CANCELED, "because"
    journey.refresh_from_db(fields=["reason"])
    with pytest.raises(StepperMotorError, match="state is the engine's column"):
        journey.save()


@pytest.mark.parametrize(("name", "said"), [("state", r"use pause\(\)"), ("losses", "is the engine's column")])
def test_to_name_such_a_column_is_an_error_too(customer, name, said):
    with pytest.raises(StepperMotorError, match=said):
        Diary.start(customer).save(update_fields=["data", name])


def test_to_name_no_column_at_all_is_djangos_error(customer):
    with pytest.raises(ValueError, match="colour"):
        Diary.start(customer).save(update_fields=["colour"])
