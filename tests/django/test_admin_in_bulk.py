"""Operating on many journeys at once in Django's admin."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry

from stepper_motor import State
from stepper_motor.django import Journey
from stepper_motor.django.models import JourneyHistory
from tests.django.operators import LIST, in_the_row, messages_in, operator, text_of, viewer
from tests.shop.journeys import Drip, ThreeSteps
from tests.shop.models import Customer, Payment, PaymentJourney

pytestmark = pytest.mark.django_db


def on(client, operation, journeys, *, url=LIST, confirmed=True, **given):
    """Choose an action for these journeys, and confirm it."""
    told = {"action": operation, "_selected_action": [journey.pk for journey in journeys], **given}
    told |= {"confirmed": "yes"} if confirmed else {"index": "0"}
    return client.post(url, told, follow=True)


@pytest.fixture
def drips(clock):
    return [Drip.start(Customer.objects.create(name=name)) for name in "abc"]


def states(journeys):
    return [Journey.objects.get(pk=journey.pk).state for journey in journeys]


@pytest.mark.parametrize("operation", ["pause", "resume", "perform", "skip", "cancel"])
def test_every_operation_on_many_is_asked_first(drips, operation):
    asked = text_of(on(operator(), operation, drips, confirmed=False))
    assert "3 journeys?" in asked
    assert "No, take me back" in asked
    assert states(drips) == [State.READY] * 3


def test_pausing_many_is_told_in_each_history_and_once_in_django_s_log(drips):
    drips[1].cancel()
    response = on(operator(), "pause", drips, reason="incident 7")
    assert messages_in(response) == [
        "Pause: 2 journeys were changed. 1 was passed over: it did not allow this, or had moved on."
    ]
    assert states(drips) == [State.PAUSED, State.CANCELED, State.PAUSED]
    assert [(e.by, e.reason) for e in JourneyHistory.objects.filter(outcome="paused")] == [("olga", "incident 7")] * 2
    logged = LogEntry.objects.get()
    assert (logged.object_id, logged.object_repr) == (None, "journeys")
    assert logged.change_message.startswith("Pause: incident 7. 2 journeys were changed.")
    assert logged.change_message.endswith(", ".join(str(journey.pk) for journey in drips))


def test_resuming_performing_and_canceling_many(clock, drips):
    client = operator()
    on(client, "pause", drips)
    on(client, "resume", drips)
    assert states(drips) == [State.READY] * 3
    Journey.objects.reschedule(at=clock.now() + timedelta(days=9))
    on(client, "perform", drips)
    assert Journey.objects.due().count() == 3
    on(client, "cancel", drips)
    assert states(drips) == [State.CANCELED] * 3


def test_skipping_many_is_for_one_step_and_a_second_click_skips_no_other(drips):
    drips[0].skip()
    client = operator()
    asked = on(client, "skip", drips, confirmed=False).content.decode()
    assert '<option value="remind">' in asked
    assert '<option value="welcome">' in asked
    for _ in range(2):
        on(client, "skip", drips, step="welcome")
    assert set(Journey.objects.values_list("next_step_name", flat=True)) == {"remind"}


def test_skipping_many_without_a_step_changes_nothing(drips):
    response = on(operator(), "skip", drips)
    assert "This field is required." in text_of(response)
    assert set(Journey.objects.values_list("next_step_name", flat=True)) == {"welcome"}


def test_all_that_match_a_filter_can_be_chosen(drips):
    others = [ThreeSteps.start(Customer.objects.create(name=name)) for name in "de"]
    url = f"{LIST}?type=shop.Drip"
    on(operator(), "cancel", drips[:1], url=url, select_across="1")
    assert states(drips) == [State.CANCELED] * 3
    assert states(others) == [State.READY] * 2
    assert url in LogEntry.objects.get().change_message


def test_journeys_of_unknown_types_can_be_paused_and_canceled_and_are_passed_over_by_skip(drips):
    in_the_row(drips[0], type="shop.Gone")
    client = operator()
    response = on(client, "skip", drips[:1], step="welcome")
    assert "0 journeys were changed. 1 was passed over" in messages_in(response)[0]
    on(client, "pause", drips[:1])
    on(client, "cancel", drips[:1])
    assert states(drips[:1]) == [State.CANCELED]


def test_a_viewer_can_t_operate_on_many(drips):
    on(viewer(), "cancel", drips)
    assert states(drips) == [State.READY] * 3


def test_journeys_with_a_table_of_their_own(clock, admin_client):
    journeys = [PaymentJourney.start(Payment.objects.create()) for _ in range(2)]
    on(admin_client, "pause", journeys, url="/admin/shop/paymentjourney/")
    assert PaymentJourney.objects.paused().count() == 2
