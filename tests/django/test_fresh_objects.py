"""Journeys that are validated before they are saved, or started in a transaction that Django does not manage."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import transaction

from stepper_motor import State, step
from stepper_motor.django import Journey
from stepper_motor.motor.housekeeping import Housekeeper
from tests.shop.journeys import Drip
from tests.shop.models import Customer, PaymentJourney


@pytest.mark.django_db
def test_a_journey_can_be_validated_before_it_is_saved():
    journey = Drip(hero=Customer.objects.create(name="Ada"))
    journey.full_clean()
    journey.save()
    assert journey.state == State.READY


@pytest.mark.django_db
def test_its_own_columns_are_validated_all_the_same():
    with pytest.raises(ValidationError, match="amount"):
        PaymentJourney(amount="a lot").full_clean()


@pytest.mark.django_db(transaction=True)
def test_a_journey_starts_and_is_paused_in_a_transaction_by_hand():
    transaction.set_autocommit(False)
    try:
        journey = Drip.start(Customer.objects.create(name="Ada"))
        journey.pause("by hand")
        transaction.commit()
    finally:
        transaction.set_autocommit(True)
    assert Drip.objects.get().state == State.PAUSED


@pytest.mark.django_db
def test_a_class_that_is_kept_for_longer_than_there_is_time_stops_no_deletion_of_others():
    class KeptForEver(Journey[Customer]):
        delete_completed_after = timedelta.max

        @step
        def begin(self): ...

    from stepper_motor.django import motor

    assert Housekeeper(motor()).keep().failed == 0


@pytest.mark.django_db
def test_the_checks_of_django_find_nothing_amiss():
    call_command("check", databases=["default"], fail_level="WARNING")


def nested(error, depth):
    for _ in range(depth):
        error = ExceptionGroup("deeper", [error])
    return error


@pytest.mark.django_db
def test_a_group_of_exceptions_nested_deeper_than_python_calls_is_settled():
    class Deep(Journey[Customer]):
        @step
        def dig(self):
            raise nested(ValueError("at the bottom"), 2000)

    journey = Deep.start()
    with pytest.raises(ExceptionGroup):
        journey.perform_next_step()
    journey.refresh_from_db()
    assert journey.state == State.PAUSED
    assert journey.history.get().error_class == "ExceptionGroup"
