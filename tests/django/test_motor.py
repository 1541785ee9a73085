"""The motor of a Django project: every table of journeys joins it once."""

import pytest
from django.core.signals import setting_changed
from django.test.utils import isolate_apps

from stepper_motor import step
from stepper_motor.django import AbstractJourney, motor
from stepper_motor.django.metaclass import roots


@pytest.fixture
def tables_kept():
    """Afterwards the motor knows the tables of before alone."""
    before = list(roots)
    yield
    roots[:] = before
    setting_changed.send(sender=None, setting="STEPPER_MOTOR", value=None, enter=False)


@isolate_apps("tests.shop")
def test_a_table_that_is_defined_later_joins_the_motor_once(tables_kept):
    known = list(motor().stores)

    class WithoutSteps(AbstractJourney):
        class Meta:
            app_label = "shop"

    class Late(AbstractJourney):
        @step
        def only(self): ...

        class Meta:
            app_label = "shop"

    motor()
    assert [store.root for store in motor().stores] == [*(store.root for store in known), Late]
