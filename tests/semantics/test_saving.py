"""`save()` by the app's own code never writes the engine's columns, and says so when one was changed. SEMANTICS 1."""

from datetime import timedelta

import pytest

from stepper_motor import InvalidState, State, StepperMotorError, step
from tests.home import (
    Customer,
    Journey,
    Payment,
    PaymentJourney,
    RowGone,
    columns_of,
    create,
    delete,
    found,
    only,
    put_all,
    put_behind,
    reload,
    save,
    start,
)
from tests.semantics.seen import entries_of, recover

pytestmark = pytest.mark.database


class Diary(Journey[Customer]):
    @step
    def write(self):
        self.data["pages"] = 1
        save(self)
        self.data["pages"] = 2
        raise RuntimeError("the ink is out")

    @step
    def read(self): ...


class Stolen(Journey[Customer]):
    """Its lease ends, and another takes it over, while it writes."""

    @step
    def write(self):
        taken = {"fence": "the thief's", "performed_by": "a thief"}
        put_behind(self, **taken)
        self.data["mine"] = True
        save(self)


class Reader(Journey[Customer]):
    @step
    def read_again(self):
        put_behind(self, inside=self, data={"from": "elsewhere"})
        reload(self)
        self.data["seen"] = True


def test_data_and_columns_of_your_own_are_saved():
    journey = start(PaymentJourney, create(Payment), data={"a": 1})
    journey.data["b"] = 2
    journey.amount = 7
    save(journey)
    found = only(PaymentJourney)
    assert (found.data, found.amount) == ({"a": 1, "b": 2}, 7)


def test_a_stale_object_does_not_undo_a_cancel(customer):
    stale = start(Diary, customer)
    only(Diary).cancel("enough")
    stale.data["note"] = "written late"
    save(stale)
    found = only(Diary)
    assert (found.state, found.reason, found.data) == ("canceled", "enough", {"note": "written late"})


def test_nor_a_lease(customer):
    stale = start(Diary, customer)
    held = {"state": "performing", "performed_by": "worker 1", "lease_expires_at": stale.created_at}
    put_all(Diary, **held)
    save(stale)
    found = only(Diary)
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
    journey = start(Diary, customer)
    for object in (journey, only(Diary)):
        setattr(object, column, value)
        with pytest.raises(StepperMotorError, match=f"{column} is the engine's column and was changed by hand: {said}"):
            save(object)
        reload(object)
        save(object)
    assert getattr(only(Diary), column) != value


def test_also_when_it_was_changed_by_a_verb(customer):
    journey = start(Diary, customer)
    journey.pause()
    save(journey)
    journey.state = State.READY
    with pytest.raises(StepperMotorError, match="state is the engine's column"):
        save(journey)


def test_another_hero_may_be_given_only_through_a_foreign_key():
    journey, other = start(PaymentJourney, create(Payment)), create(Payment)
    journey.hero = other
    save(journey)
    assert only(PaymentJourney).hero == other


def test_saving_a_journey_that_was_deleted_is_an_error(customer):
    journey = start(Diary, customer)
    delete(only(Diary))
    with pytest.raises(RowGone):
        save(journey)


def test_inside_a_step_it_is_a_checkpoint_that_a_failure_does_not_undo(customer):
    journey = start(Diary, customer)
    with pytest.raises(RuntimeError):
        journey.perform_next_step()
    assert only(Diary).data == {"pages": 1}
    assert journey.state is State.PAUSED


def test_a_performer_that_lost_the_journey_writes_no_checkpoint(customer, clock):
    journey = start(Stolen, customer)
    with pytest.raises(InvalidState, match="this performance does not hold the journey any more"):
        journey.perform_next_step()
    found = only(Stolen)
    assert (found.data, found.fence, found.performed_by) == ({}, "the thief's", "a thief")
    clock.move(timedelta(minutes=2))
    recover()
    assert [(entry.outcome, entry.by) for entry in entries_of(found)] == [("lost", "a thief")]


def test_what_a_step_reads_again_is_what_it_goes_on_with(customer):
    start(Reader, customer).perform_next_step()
    assert only(Reader).data == {"from": "elsewhere", "seen": True}


def test_after_a_verb_the_callers_object_is_refreshed(customer, clock):
    journey = start(Diary, customer)
    journey.skip()
    assert columns_of(journey) == columns_of(found(journey))


def test_what_was_not_saved_yet_survives_a_verb(customer):
    journey = start(Diary, customer)
    journey.data["draft"] = True
    journey.pause()
    save(journey)
    assert only(Diary).data == {"draft": True}
