"""The page of one journey in Django's admin, and what may be done there."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.test import Client

from stepper_motor import State, step
from stepper_motor.django import Journey
from stepper_motor.django.admin import detail
from tests.django.operators import LIST, in_the_row, messages_in, operate, operator, page, text_of, viewer
from tests.shop.journeys import Drip
from tests.shop.models import Customer, Payment, PaymentJourney, Spy

pytestmark = pytest.mark.django_db


class Fragile(Journey[Customer]):
    @step
    def prepare(self):
        self.data["prepared"] = ["<i>", 1]

    @step
    def fail(self):
        raise ConnectionError("<b>no</b> answer")

    @step(wait=timedelta(days=3))
    def conclude(self): ...


class BrokenWait(Journey[Customer]):
    @step
    def begin(self): ...

    @step(wait=lambda journey: timedelta(seconds=journey.data["seconds"]))
    def follow(self): ...


def failed(customer):
    journey = Fragile.start(customer)
    journey.perform_next_step()
    with pytest.raises(ConnectionError):
        journey.perform_next_step()
    return journey


# ------------------------------------------------------------------------------------------------ what it tells


def test_the_page_explains_where_the_journey_stands(clock, customer, admin_client):
    journey = failed(customer)
    text = text_of(admin_client.get(page(journey)))
    assert str(journey.explain()) in text
    assert "Hero: Ada customer" in text


def test_the_page_tells_the_history_with_the_traceback_folded(clock, customer, admin_client):
    response = admin_client.get(page(failed(customer)))
    text, body = text_of(response), response.content.decode()
    assert "2030-01-10 12:00:00 prepare completed ready" in text
    assert "fail failed ConnectionError : <b>no</b> answer" in text
    assert "<details><summary><strong>ConnectionError</strong>" in body
    assert "Traceback (most recent call last)" in body


def test_the_page_tells_the_steps_to_come_and_when(clock, customer, admin_client):
    text = text_of(admin_client.get(page(Drip.start(customer))))
    assert "welcome ready stands here" in text
    assert "2030-01-12 12:00:00 remind expected, if all goes well" in text
    assert "2030-02-11 12:00:00 farewell expected, if all goes well" in text


def test_the_page_shows_the_data_and_escapes_what_users_wrote(clock, customer, admin_client):
    body = admin_client.get(page(failed(customer))).content.decode()
    assert "&lt;i&gt;" in body
    assert "<i>" not in body
    assert "<b>no" not in body


def test_a_long_history_is_cut_until_all_of_it_is_asked_for(clock, customer, admin_client, monkeypatch):
    monkeypatch.setattr(detail, "ENTRIES_SHOWN", 2)
    journey = Drip.start(customer)
    for reason in ("first", "second", "third"):
        journey.reschedule(at=clock.now(), reason=reason)
    short = text_of(admin_client.get(page(journey)))
    assert "first" not in short
    assert "Show the earlier entries" in short
    assert "first" in text_of(admin_client.get(page(journey), {"history": "all"}))


def test_a_journey_with_a_table_of_its_own_shows_its_columns(clock, admin_client):
    journey = PaymentJourney.start(Payment.objects.create(amount=12))
    journey.perform_next_step()
    text = text_of(admin_client.get(page(journey)))
    assert "Amount 12.00" in text
    assert 'Notes ["initiated"]' in text
    assert "Payment object" in text


def test_an_ended_journey_offers_nothing_and_a_viewer_is_offered_nothing(clock, customer, admin_client):
    journey = Drip.start(customer)
    assert "Perform now" not in text_of(viewer().get(page(journey)))
    assert "Perform now" in text_of(admin_client.get(page(journey)))
    journey.cancel()
    assert "Perform now" not in text_of(admin_client.get(page(journey)))


def test_a_journey_that_is_not_there_leads_back(clock, admin_client):
    for key in ("12345", "nonsense"):
        response = admin_client.get(f"{LIST}{key}/change/", follow=True)
        assert "doesn’t exist" in messages_in(response)[0]


def test_django_s_own_history_leads_to_the_journey_s(clock, customer, admin_client):
    journey = Drip.start(customer)
    assert admin_client.get(f"{LIST}{journey.pk}/history/").url == page(journey)


# --------------------------------------------------------------------------------------------- what may be done


def test_pausing_is_told_in_the_history_and_in_django_s_log(clock, customer):
    journey = Drip.start(customer)
    response = operate(operator(), journey, "pause", confirmed=False, reason="legal asked")
    journey.refresh_from_db()
    entry, logged = journey.history.get(), LogEntry.objects.get()
    assert messages_in(response) == ["Paused."]
    assert (journey.state, journey.reason) == (State.PAUSED, "legal asked")
    assert (entry.outcome, entry.by, entry.reason) == ("paused", "olga", "legal asked")
    assert (logged.user.username, logged.action_flag, logged.object_id) == ("olga", CHANGE, str(journey.pk))
    assert logged.get_edited_object() == Journey.objects.get(pk=journey.pk)
    assert logged.change_message == "Pause: legal asked."


def test_resuming_lets_it_go_on(clock, customer):
    journey = Drip.start(customer)
    journey.pause()
    operate(operator(), journey, "resume", confirmed=False)
    journey.refresh_from_db()
    assert journey.state == State.READY


@pytest.mark.parametrize("operation", ["cancel", "skip", "perform"])
def test_what_can_t_be_taken_back_is_asked_first(clock, customer, operation):
    journey, client = Drip.start(customer, at=clock.now() + timedelta(days=1)), operator()
    asked = operate(client, journey, operation, confirmed=False, reason="my reason")
    journey.refresh_from_db()
    assert "No, take me back" in text_of(asked)
    assert 'value="my reason"' in asked.content.decode()
    assert not journey.history.exists()
    operate(client, journey, operation)
    assert journey.history.count() == 1


def test_performing_now_makes_the_step_due_and_performs_nothing_in_the_request(clock, customer):
    journey = Drip.start(customer, at=clock.now() + timedelta(days=1))
    response = operate(operator(), journey, "perform")
    journey.refresh_from_db()
    assert messages_in(response) == ["The step is due now: the next free worker performs it."]
    assert (journey.state, journey.next_step_to_be_performed_at) == (State.READY, clock.now())
    assert not Spy.objects.exists()
    journey.perform_next_step()
    assert Spy.objects.get().word == "welcome"


def test_a_double_click_on_skip_skips_one_step(clock, customer):
    journey, client = Drip.start(customer), operator()
    operate(client, journey, "skip")
    second = operate(client, journey, "skip")
    journey.refresh_from_db()
    assert messages_in(second) == ["It has moved on since this page was shown. Nothing was changed: look again."]
    assert (journey.next_step_name, journey.history.count()) == ("remind", 1)


def test_a_stale_page_pauses_and_cancels_all_the_same(clock, customer):
    journey, client = Drip.start(customer), operator()
    operate(client, journey, "pause", fence="stale")
    operate(client, journey, "cancel", fence="stale")
    journey.refresh_from_db()
    assert journey.state == State.CANCELED


def test_what_the_state_does_not_allow_is_a_message(clock, customer):
    journey, client = Drip.start(customer), operator()
    journey.cancel()
    for operation in ("pause", "resume", "cancel", "skip", "perform"):
        (message,) = messages_in(operate(client, journey, operation))
        assert message.endswith("a journey that is canceled. Nothing was changed.")
    assert LogEntry.objects.count() == 0


def test_skipping_into_a_wait_that_raises_is_a_message_and_changes_nothing(clock, customer):
    journey = BrokenWait.start(customer)
    response = operate(operator(), journey, "skip")
    journey.refresh_from_db()
    assert messages_in(response) == ["Its own code raised KeyError: 'seconds'. Nothing was changed."]
    assert journey.next_step_name == "begin"


def test_a_step_that_is_being_performed_can_be_paused_and_not_skipped(clock, customer):
    journey, client = Drip.start(customer), operator()
    lease = clock.now() + timedelta(minutes=1)
    in_the_row(journey, state="performing", performed_by="web-1", lease_expires_at=lease)
    offered = text_of(client.get(page(journey)))
    assert "Pause" in offered
    assert "Skip the step" not in offered
    (message,) = messages_in(operate(client, journey, "skip"))
    assert "its step is still running" in message


def test_only_operators_may_operate_and_only_by_post(clock, customer):
    journey, url = Drip.start(customer), page(Drip.objects.get()).replace("/change/", "/operate/")
    assert operate(viewer(), journey, "pause").status_code == 403
    client = operator()
    assert client.get(url).status_code == 405
    assert client.post(page(journey)).status_code == 405
    assert client.post(url, {"operation": "explode"}).status_code == 400
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = client.cookies
    assert strict.post(url, {"operation": "pause"}).status_code == 403
    journey.refresh_from_db()
    assert journey.state == State.READY


def test_a_journey_that_was_deleted_meanwhile_leads_back(clock, customer):
    journey, client = Drip.start(customer), operator()
    Journey.objects.all().delete()
    assert "doesn’t exist" in messages_in(operate(client, journey, "pause"))[0]


def test_a_journey_with_a_table_of_its_own_is_operated_likewise(clock, admin_client):
    journey = PaymentJourney.start(Payment.objects.create())
    operate(admin_client, journey, "cancel", reason="fraud")
    journey.refresh_from_db()
    assert (journey.state, journey.history.get().by) == (State.CANCELED, "admin")
    assert LogEntry.objects.get().content_type.model == "paymentjourney"
