"""`self.save()` and `self.refresh_from_db()` in a body. SEMANTICS 1."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import models

from stepper_motor import Completed, InvalidState, State
from tests.django.seen import found, put, recover, told
from tests.django.writing import paying, writing
from tests.shop.models import Payment, PaymentJourney

pytestmark = pytest.mark.django_db


@pytest.fixture
def payment():
    return Payment.objects.create(amount=Decimal("12.50"))


def test_save_in_a_body_is_a_checkpoint_that_stays_when_it_raises(customer):
    def body(self):
        self.data["sent"] = 1
        self.save()
        self.data["sent"] = 2
        raise OSError

    journey = writing(body).start(customer)
    with pytest.raises(OSError, match=r"^$"):
        journey.perform_next_step()
    assert found(journey).data == {"sent": 1}


def test_a_checkpoint_of_some_fields_leaves_the_others_to_the_settlement(payment):
    def body(self):
        self.amount = 5
        self.notes.append("charged")
        self.save(update_fields=["notes"])
        assert (found(self).amount, found(self).notes) == (0, ["charged"])

    journey = paying(body).start(payment)
    journey.perform_next_step()
    assert (found(journey).amount, found(journey).notes) == (5, ["charged"])


def test_a_refresh_in_a_body_takes_over_what_others_saved(payment):
    def body(self):
        models.QuerySet.update(PaymentJourney.objects.filter(pk=self.pk), amount=9, notes=["by another"])
        self.refresh_from_db()
        self.notes.append("and by me")
        models.QuerySet.update(PaymentJourney.objects.filter(pk=self.pk), amount=10)

    journey = paying(body).start(payment)
    journey.perform_next_step()
    assert (found(journey).amount, found(journey).notes) == (10, ["by another", "and by me"])


def test_a_checkpoint_of_a_performer_that_lost_the_journey_is_refused(clock, customer):
    def body(self):
        put(found(self), lease_expires_at="2020-01-01T00:00Z")
        recover()
        self.refresh_from_db()  # whatever it has seen of its successor
        self.data["late"] = True
        self.save()

    journey = writing(body).start(customer)
    with pytest.raises(InvalidState, match="does not hold the journey any more"):
        journey.perform_next_step()
    assert (found(journey).data, told(journey)) == ({}, [("work", "lost")])


def test_a_checkpoint_never_writes_the_engines_columns(customer):
    def body(self):
        found(self).cancel("meanwhile")
        self.data["sent"] = 1
        self.save()
        assert found(self).state == State.CANCELED

    journey = writing(body).start(customer)
    assert journey.perform_next_step() == Completed()
    assert (journey.state, journey.data) == (State.CANCELED, {"sent": 1})
