"""Reasons may be translated later: Django's lazy texts. SEMANTICS 5."""

import pytest
from django.utils.translation import gettext_lazy

from stepper_motor import step
from stepper_motor.django import Journey
from tests.semantics.seen import last_entry
from tests.shop.models import Customer

pytestmark = pytest.mark.django_db


def test_a_reason_may_be_a_lazy_text(customer):
    class Reasoned(Journey[Customer]):
        @step
        def work(self):
            self.cancel(gettext_lazy("no card"))

    journey, other = Reasoned.start(customer), Reasoned.start(customer, key="other")
    journey.perform_next_step()
    other.pause(gettext_lazy("no card"))
    assert (journey.reason, last_entry(journey).reason) == ("no card", "no card")
    assert (other.reason, last_entry(other).reason) == ("no card", "no card")
