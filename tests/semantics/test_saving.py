"""`save()` by the app's own code never writes the engine's columns, and says so when one was changed. SEMANTICS 1."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, models

from stepper_motor import InvalidState, State, StepperMotorError, step
from stepper_motor.django import Journey
from stepper_motor.motor.housekeeping import Housekeeper
from tests.shop.models import Customer, Payment, PaymentJourney

pytestmark = pytest.mark.django_db


class Diary(Journey[Customer]):
    @step
    def write(self):
        self.data["pages"] = 1
        self.save()
        self.data["pages"] = 2
        raise RuntimeError("the ink is out")

    @step
    def read(self): ...


class Stolen(Journey[Customer]):
    """Its lease ends, and another takes it over, while it writes."""

    @step
    def write(self):
        taken = {"fence": "the thief's", "performed_by": "a thief"}
        models.QuerySet.update(Stolen._base_manager.filter(pk=self.pk), **taken)
        self.data["mine"] = True
        self.save()


class Reader(Journey[Customer]):
    @step
    def read_again(self):
        Reader.objects.update(data={"from": "elsewhere"})
        self.refresh_from_db()
        self.data["seen"] = True


def test_data_and_columns_of_your_own_are_saved():
    journey = PaymentJourney.start(Payment.objects.create(), data={"a": 1})
    journey.data["b"] = 2
    journey.amount = 7
    journey.save()
    found = PaymentJourney.objects.get()
    assert (found.data, found.amount) == ({"a": 1, "b": 2}, 7)


def test_only_those_that_are_named(customer):
    journey = PaymentJourney.start(Payment.objects.create())
    journey.amount, journey.notes = 7, ["x"]
    journey.save(update_fields=["notes"])
    found = PaymentJourney.objects.get()
    assert (found.amount, found.notes) == (0, ["x"])


def test_a_stale_object_does_not_undo_a_cancel(customer):
    stale = Diary.start(customer)
    Diary.objects.get().cancel("enough")
    stale.data["note"] = "written late"
    stale.save()
    found = Diary.objects.get()
    assert (found.state, found.reason, found.data) == ("canceled", "enough", {"note": "written late"})


def test_nor_a_lease(customer):
    stale = Diary.start(customer)
    held = {"state": "performing", "performed_by": "worker 1", "lease_expires_at": stale.created_at}
    models.QuerySet.update(Diary._base_manager.all(), **held)
    stale.save()
    found = Diary.objects.get()
    assert {name: getattr(found, name) for name in held} == held


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("state", "canceled", r"use pause\(\), resume\(\), cancel\(\) or finish\(\)"),
        ("next_step_name", "read", r"use jump_to\(\) or skip\(\)"),
        ("next_step_to_be_performed_at", None, r"use reschedule\(\) or reattempt\(\)"),
        ("attempts", 9, "leave it as it is"),
        ("fence", "mine", "leave it as it is"),
        ("key", "other", "leave it as it is"),
        ("hero_id", "17", "leave it as it is"),
    ],
)
def test_a_column_of_the_engine_that_was_changed_by_hand_is_an_error_that_names_the_verb(customer, column, value, said):
    journey = Diary.start(customer)
    for object in (journey, Diary.objects.get()):
        setattr(object, column, value)
        with pytest.raises(StepperMotorError, match=f"{column} is the engine's column and was changed by hand: {said}"):
            object.save()
        object.refresh_from_db()
        object.save()
    assert getattr(Diary.objects.get(), column) != value


def test_also_when_it_was_made_by_a_bulk_create_or_changed_by_a_verb(customer):
    [journey] = Diary.objects.bulk_create([Diary(hero=customer)])
    journey.state = State.CANCELED
    with pytest.raises(StepperMotorError, match="state is the engine's column"):
        journey.save()
    journey.pause()
    journey.save()
    journey.state = State.READY
    with pytest.raises(StepperMotorError, match="state is the engine's column"):
        journey.save()


def test_reading_a_part_again_forgives_that_part_alone(customer):
    journey = Diary.start(customer)
    journey.state, journey.reason = State.CANCELED, "because"
    journey.refresh_from_db(fields=["reason"])
    with pytest.raises(StepperMotorError, match="state is the engine's column"):
        journey.save()


@pytest.mark.parametrize(("name", "said"), [("state", r"use pause\(\)"), ("losses", "is the engine's column")])
def test_to_name_such_a_column_is_an_error_too(customer, name, said):
    with pytest.raises(StepperMotorError, match=said):
        Diary.start(customer).save(update_fields=["data", name])


def test_to_name_no_column_at_all_is_djangos_error(customer):
    with pytest.raises(ValueError, match="colour"):
        Diary.start(customer).save(update_fields=["colour"])


def test_another_hero_may_be_given_only_through_a_foreign_key():
    journey, other = PaymentJourney.start(Payment.objects.create()), Payment.objects.create()
    journey.hero = other
    journey.save()
    assert PaymentJourney.objects.get().hero == other


def test_saving_a_journey_that_was_deleted_is_an_error(customer):
    journey = Diary.start(customer)
    Diary.objects.all().delete()
    with pytest.raises(DatabaseError):
        journey.save()


def test_inside_a_step_it_is_a_checkpoint_that_a_failure_does_not_undo(customer):
    journey = Diary.start(customer)
    with pytest.raises(RuntimeError):
        journey.perform_next_step()
    assert Diary.objects.get().data == {"pages": 1}
    assert journey.state is State.PAUSED


def test_a_performer_that_lost_the_journey_writes_no_checkpoint(customer, clock):
    journey = Stolen.start(customer)
    with pytest.raises(InvalidState, match="this performance does not hold the journey any more"):
        journey.perform_next_step()
    found = Stolen.objects.get()
    assert (found.data, found.fence, found.performed_by) == ({}, "the thief's", "a thief")
    clock.move(timedelta(minutes=2))
    Housekeeper(journey._door).recover()
    assert [(entry.outcome, entry.by) for entry in found.history.all()] == [("lost", "a thief")]


def test_what_a_step_reads_again_is_what_it_goes_on_with(customer):
    Reader.start(customer).perform_next_step()
    assert Reader.objects.get().data == {"from": "elsewhere", "seen": True}


def test_after_a_verb_the_callers_object_is_refreshed(customer, clock):
    journey = Diary.start(customer)
    journey.skip()
    found = Diary.objects.get()
    for field in journey._meta.concrete_fields:
        assert getattr(journey, field.attname) == getattr(found, field.attname), field.name


def test_what_was_not_saved_yet_survives_a_verb(customer):
    journey = Diary.start(customer)
    journey.data["draft"] = True
    journey.pause()
    journey.save()
    assert Diary.objects.get().data == {"draft": True}
