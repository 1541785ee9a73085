"""`self.data` and columns of your own: saved with the transition, dropped with an exception. SEMANTICS 1 and 3."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import connection, models
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from stepper_motor import Canceled, Completed, InvalidState, Paused, Reattempt, Skipped, State, step
from stepper_motor.django import Journey
from tests.django.seen import entries_of, found, last_entry, put, recover, told
from tests.shop.models import Customer, Payment, PaymentJourney

pytestmark = pytest.mark.django_db


def writing(body, **options):
    class Writing(Journey[Customer]):
        work = step(body, name="work", **options)
        more = step(lambda self: None, name="more")

    return Writing


def paying(body, **options):
    """The same with a table of its own, whose columns are `amount` and `notes`."""

    class Paying(PaymentJourney):
        initiate = step(body, name="initiate", **options)

    return Paying


@pytest.fixture
def payment():
    return Payment.objects.create(amount=Decimal("12.50"))


def sets(self):
    self.data["sent"] = 1


ENDS = {
    "a normal end": (lambda self: None, Completed()),
    "skip": (lambda self: self.skip(), Skipped()),
    "cancel": (lambda self: self.cancel(), Canceled()),
    "pause": (lambda self: self.pause(), Paused()),
    "a returned outcome": (lambda self: Paused("look"), Paused("look")),
}


@pytest.mark.parametrize("end", ENDS)
def test_what_a_step_sets_is_saved_when_it_ends_normally_or_by_a_verb(end, customer):
    body, outcome = ENDS[end]
    journey = writing(lambda self: sets(self) or body(self)).start(customer, data={"kept": True})
    assert journey.perform_next_step() == outcome
    assert found(journey).data == {"kept": True, "sent": 1}


@pytest.mark.parametrize("policy", ["pause", "cancel", "skip", Reattempt(), lambda journey, error: journey.finish()])
def test_what_it_sets_is_dropped_when_it_raised(policy, customer):
    journey = writing(lambda self: sets(self) or 1 / 0, on_exception=policy).start(customer, data={"kept": True})
    with pytest.raises(ZeroDivisionError):
        journey.perform_next_step()
    assert journey.data == found(journey).data == {"kept": True}


CHANGES = {
    "a new value": lambda self: setattr(self, "data", {"new": 1}),
    "a key": lambda self: self.data.update(key=1),
    "deep in a dict": lambda self: self.data["a"]["b"].update(c=2),
    "deep in a list": lambda self: self.data["list"][1].append("deep"),
    "a key that went": lambda self: self.data.pop("a"),
    "no dict at all": lambda self: setattr(self, "data", ["a", "list"]),
    "a null": lambda self: setattr(self, "data", None),
    "a text": lambda self: setattr(self, "data", "text"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changes_deep_inside_are_saved_too(change, customer):
    start = {"a": {"b": {"c": 1}}, "list": [1, ["deeper"]]}
    journey = writing(lambda self: CHANGES[change](self)).start(customer, data=start)
    expected = found(journey)
    CHANGES[change](expected)
    journey.perform_next_step()
    assert found(journey).data == expected.data != start


def test_what_a_step_did_not_change_is_not_written(customer):
    journey = writing(lambda self: None).start(customer, data={"kept": True})
    with CaptureQueriesContext(connection) as captured:
        journey.perform_next_step()
    updates = [query["sql"] for query in captured if query["sql"].lstrip().startswith(("UPDATE", "WITH"))]
    assert updates
    assert not any("kept" in sql for sql in updates)


@pytest.mark.django_db(transaction=True)
def test_so_what_another_saved_meanwhile_stays(customer):
    def body(self):
        other = found(self)
        other.data["by another"] = True
        other.save()

    journey = writing(body).start(customer)
    journey.perform_next_step()
    assert journey.data == {"by another": True}


def test_text_of_every_kind_survives(customer):
    text = "Ünïcödé ☕ \U0001f680 \"quotes\" back\\slash 'single' \n\t %s %(x)s {} end"
    journey = writing(lambda self: self.data.update({text: text})).start(customer)
    journey.perform_next_step()
    assert found(journey).data == {text: text}


def test_numbers_of_every_kind_survive(customer):
    numbers = {"int": 2**53, "negative": -1, "float": 0.1, "true": True, "null": None, "nested": [[], {}]}
    journey = writing(lambda self: self.data.update(numbers)).start(customer)
    journey.perform_next_step()
    assert found(journey).data == numbers


NOT_JSON = {
    "an object": (object(), TypeError),
    "a set": ({1, 2}, TypeError),
    "a time": (datetime(2030, 1, 1, tzinfo=UTC), TypeError),
    "bytes": (b"bytes", TypeError),
    "not a number": (float("nan"), ValueError),
    "infinity": (float("inf"), ValueError),
}


@pytest.mark.parametrize("kind", NOT_JSON)
def test_what_json_can_not_hold_is_an_exception_under_the_policy(kind, customer):
    value, error = NOT_JSON[kind]
    journey = writing(lambda self: self.data.update(bad=value), on_exception="skip").start(customer)
    with pytest.raises(error):
        journey.perform_next_step()
    assert (journey.next_step_name, journey.data) == ("more", {})
    assert (journey.steps_entered, journey.steps_completed) == (1, 0)
    assert (last_entry(journey).outcome, last_entry(journey).error_class) == ("failed", error.__name__)


def test_a_circle_is_an_exception_too(customer):
    journey = writing(lambda self: self.data.update(itself=self.data)).start(customer)
    with pytest.raises(ValueError, match="Circular"):
        journey.perform_next_step()
    assert (journey.state, told(journey)) == (State.PAUSED, [("work", "failed")])


@pytest.mark.only_on("postgresql")
@pytest.mark.parametrize("text", ["nul \0", "lone \ud800"])
@pytest.mark.parametrize("atomic", [False, True])
def test_so_is_what_the_database_refuses(atomic, text, customer):
    heard = []

    def decide(journey, error):
        heard.append(error)
        journey.cancel("can't be kept")

    journey = writing(lambda self: self.data.update(bad=text), on_exception=decide, atomic=atomic).start(customer)
    with pytest.raises(Exception, match=r"(?i)unicode|surrogate|\\u0000") as raised:
        journey.perform_next_step()
    assert heard == [raised.value]
    assert (journey.state, journey.reason, journey.data) == (State.CANCELED, "can't be kept", {})
    assert (told(journey), len(entries_of(journey))) == ([("work", "failed")], 1)


# ---------------------------------------------------------------------------------------------- columns of your own


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


# ------------------------------------------------------------------------------------------------------ checkpoints


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
