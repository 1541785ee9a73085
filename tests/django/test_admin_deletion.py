"""Deleting journeys in Django's admin: for those who have Django's own permission for it."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType

from stepper_motor.django import Journey
from stepper_motor.django.models import JourneyHistory
from tests.django.operators import LIST, in_the_row, operator, text_of
from tests.shop.journeys import Drip, ThreeSteps
from tests.shop.models import Customer

pytestmark = pytest.mark.django_db


def performed(customer):
    journey = ThreeSteps.start(customer)
    journey.perform_next_step()
    journey.perform_next_step()
    return journey


def test_deleting_takes_the_history_along(clock, customer, admin_client):
    journey, other = performed(customer), Drip.start(customer)
    other.pause()
    before = ContentType.objects.count()
    url = f"{LIST}{journey.pk}/delete/"
    asked = text_of(admin_client.get(url))
    assert "History: 2" in asked
    assert "completed" not in asked
    admin_client.post(url, {"post": "yes"})
    assert list(Journey.objects.all()) == [other]
    assert list(JourneyHistory.objects.values_list("journey_id", flat=True)) == [other.pk]
    assert LogEntry.objects.get().action_flag == DELETION
    assert ContentType.objects.count() == before


def test_what_is_being_performed_is_not_deleted(clock, customer, admin_client):
    journey = Drip.start(customer)
    lease = clock.now() + timedelta(minutes=1)
    in_the_row(journey, state="performing", performed_by="web-1", lease_expires_at=lease)
    response = admin_client.post(f"{LIST}{journey.pk}/delete/", {"post": "yes"})
    assert "whose step is being performed" in text_of(response)
    assert Journey.objects.exists()


def test_operators_may_not_delete(clock, customer):
    journey = Drip.start(customer)
    assert operator().post(f"{LIST}{journey.pk}/delete/", {"post": "yes"}).status_code == 403


def test_deleting_many_takes_their_histories_along_and_spares_what_is_performed(clock, admin_client):
    drips = [Drip.start(Customer.objects.create(name=name)) for name in "abc"]
    for journey in drips:
        journey.pause()
    ThreeSteps.start(Customer.objects.create(name="d")).pause()
    before, everything = ContentType.objects.count(), list(Journey.objects.all())
    in_the_row(drips[0], performed_by="web-1", lease_expires_at=clock.now() + timedelta(minutes=1))
    told = {"action": "delete_selected", "_selected_action": [each.pk for each in everything], "post": "yes"}
    admin_client.post(LIST, told)
    assert Journey.objects.count() == 4
    in_the_row(drips[0], performed_by=None, lease_expires_at=None)
    admin_client.post(LIST, told)
    assert not Journey.objects.exists()
    assert not JourneyHistory.objects.exists()
    assert LogEntry.objects.filter(action_flag=DELETION).count() == 4
    assert ContentType.objects.count() == before
