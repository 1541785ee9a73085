"""Journeys that are validated before they are saved."""

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command

from stepper_motor import State
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


@pytest.mark.django_db
def test_the_checks_of_django_find_nothing_amiss():
    call_command("check", databases=["default"], fail_level="WARNING")
