"""Columns of your own: saved with the transition, dropped with an exception. SEMANTICS 3."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import models
from django.db.models import F

from stepper_motor import Completed, State
from tests.django.seen import found, told
from tests.django.writing import paying, writing
from tests.shop.models import Payment, PaymentJourney

pytestmark = pytest.mark.django_db


@pytest.fixture
def payment():
    return Payment.objects.create(amount=Decimal("12.50"))


def test_own_columns_are_saved_with_the_transition(payment):
    journey = PaymentJourney.start(payment)
    assert journey.perform_next_step() == Completed()
    assert (found(journey).amount, found(journey).notes) == (Decimal("12.50"), ["initiated"])


def test_own_columns_are_dropped_when_it_raised(payment):
    def body(self):
        self.amount = 5
        self.notes.append("charged")
        raise OSError

    journey = paying(body).start(payment, amount=3)
    with pytest.raises(OSError, match=r"^$"):
        journey.perform_next_step()
    assert (journey.amount, journey.notes) == (3, [])
    assert (found(journey).amount, found(journey).notes) == (3, [])


def test_a_column_left_alone_is_not_written(payment):
    def body(self):
        self.notes.append("charged")
        models.QuerySet.update(PaymentJourney.objects.filter(pk=self.pk), amount=99)

    journey = paying(body).start(payment, amount=3)
    journey.perform_next_step()
    assert (found(journey).amount, found(journey).notes) == (99, ["charged"])


def test_an_expression_is_written_as_one(payment):
    def body(self):
        self.amount = F("amount") + 1

    journey = paying(body).start(payment, amount=3)
    journey.perform_next_step()
    assert found(journey).amount == 4


def test_the_hero_of_a_foreign_key_may_be_changed(payment):
    other = Payment.objects.create(amount=7)

    def body(self):
        self.hero = other

    journey = paying(body).start(payment)
    journey.perform_next_step()
    assert found(journey).hero == other


@pytest.mark.only_on("postgresql", "mariadb")
def test_a_value_the_column_refuses_is_an_exception_under_the_policy(payment):
    journey = paying(lambda self: setattr(self, "amount", Decimal(10) ** 15), on_exception="skip").start(payment)
    with pytest.raises(Exception, match=r"(?i)overflow|out of range|quantize|InvalidOperation"):
        journey.perform_next_step()
    assert (journey.next_step_name, journey.amount) == ("confirm", 0)
    assert told(journey) == [("initiate", "failed")]


def test_the_engines_columns_are_not_the_steps_to_set(customer):
    def body(self):
        self.state = State.FINISHED
        self.next_step_name = "more"
        self.attempts = 99

    journey = writing(body).start(customer)
    journey.perform_next_step()
    assert (found(journey).state, found(journey).attempts) == (State.READY, 0)
