"""Inside and outside of a step are told apart by the object that is being performed. SEMANTICS 1."""

from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync
from django.db import transaction

from stepper_motor import (
    Canceled,
    Completed,
    Interruption,
    InvalidState,
    Reattempted,
    State,
    StepperMotorError,
    step,
)
from stepper_motor.django import Journey
from tests.django.seen import entries_of, found, last_entry, row_of, told
from tests.shop.models import Customer

pytestmark = pytest.mark.django_db


def inside(body, **options):
    class Inside(Journey[Customer]):
        work = step(body, name="work", **options)
        more = step(lambda self: None, name="more")

    return Inside


class Other(Journey[Customer]):
    @step
    def work(self):
        self.cancel("inner")


@pytest.mark.parametrize("verb", ["resume", "reschedule"])
def test_a_verb_for_outside_is_refused_inside(verb, customer):
    journey = inside(lambda self: getattr(self, verb)()).start(customer)
    with pytest.raises(InvalidState, match=f"{verb}.*its step is running"):
        journey.perform_next_step()
    assert (journey.state, told(journey)) == (State.PAUSED, [("work", "failed")])


def test_by_is_for_outside(customer):
    journey = inside(lambda self: self.cancel(by="me")).start(customer)
    with pytest.raises(ValueError, match="inside a step it is the step itself"):
        journey.perform_next_step()


def test_a_reason_inside_is_told(customer):
    journey = inside(lambda self: self.skip(reason="done elsewhere")).start(customer)
    journey.perform_next_step()
    assert last_entry(journey).reason == "done elsewhere"


def test_another_object_of_the_same_row_is_outside(customer):
    def body(self):
        other = found(self)
        assert other.state == State.PERFORMING
        with pytest.raises(InvalidState, match="still running"):
            other.skip()
        assert other.pause("from beside") is not None
        self.data["went on"] = True

    journey = inside(body).start(customer)
    assert journey.perform_next_step() == Completed()
    assert (journey.state, journey.next_step_name, journey.data) == (State.PAUSED, "more", {"went on": True})


def test_so_are_the_bulk_verbs(customer):
    def body(self):
        assert Journey.objects.filter(pk=self.pk).cancel("all of them").changed == 1
        self.data["went on"] = True

    journey = inside(body).start(customer)
    assert journey.perform_next_step() == Completed()
    assert (journey.state, journey.data) == (State.CANCELED, {"went on": True})


def test_another_journey_is_outside(customer):
    other = Other.start(customer)

    def body(self):
        found(other).cancel("by a sibling")

    journey = inside(body).start(customer)
    assert journey.perform_next_step() == Completed()
    assert row_of(other).state == State.CANCELED
    assert last_entry(other).attempt is None


def test_a_step_may_perform_another_journey(customer):
    other = Other.start(customer)

    def body(self):
        assert found(other).perform_next_step() == Canceled("inner")
        self.reattempt(60)

    journey = inside(body).start(customer)
    assert journey.perform_next_step() == Reattempted(60)
    assert (row_of(other).state, row_of(journey).state) == (State.CANCELED, State.READY)


def test_but_not_from_within_an_atomic_step(customer):
    other = Other.start(customer)
    journey = inside(lambda self: found(other).perform_next_step(), atomic=True).start(customer)
    with pytest.raises(StepperMotorError, match="outside of a transaction"):
        journey.perform_next_step()
    assert row_of(other).state == State.READY


def test_a_step_that_performs_itself_finds_nothing_to_do(customer):
    def body(self):
        assert self.perform_next_step() is None
        assert found(self).perform_next_step() is None

    journey = inside(body).start(customer)
    assert journey.perform_next_step() == Completed()
    assert len(entries_of(journey)) == 1


def test_a_step_may_start_another_journey(customer):
    journey = inside(lambda self: Other.start(self.hero)).start(customer)
    assert journey.perform_next_step() == Completed()
    assert Journey.objects.ready().count() == 2


def test_the_object_is_outside_again_when_its_step_has_ended(customer):
    kept = []
    journey = inside(kept.append).start(customer)
    journey.perform_next_step()
    kept[0].cancel("afterwards")
    assert row_of(journey).state == State.CANCELED
    assert last_entry(journey).attempt is None


def test_the_callers_object_stays_outside_while_its_row_is_performed(customer):
    def body(self):
        with pytest.raises(InvalidState):
            journey.skip()

    journey = inside(body).start(customer)
    assert journey.perform_next_step() == Completed()


@pytest.mark.allow_rolled_back_blocks
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("atomic", [False, True])
def test_a_verb_raised_inside_a_transaction_block_rolls_it_back_with_a_note(atomic, customer):
    def body(self):
        Customer.objects.create(name="before")
        with transaction.atomic():
            Customer.objects.create(name="inside")
            self.cancel("no more")

    journey = inside(body, atomic=atomic).start(customer)
    assert journey.perform_next_step() == Canceled("no more")
    assert set(Customer.objects.values_list("name", flat=True)) == {"Ada", "before"}
    assert journey.reason == "no more"
    assert "rolled it back" in last_entry(journey).reason


@pytest.mark.django_db(transaction=True)
def test_an_outcome_returned_from_a_transaction_block_commits_it(customer):
    def body(self):
        with transaction.atomic():
            Customer.objects.create(name="inside")
            return Canceled("no more")

    journey = inside(body).start(customer)
    assert journey.perform_next_step() == Canceled("no more")
    assert Customer.objects.filter(name="inside").exists()
    assert last_entry(journey).reason == "no more"


@pytest.mark.django_db(transaction=True)
def test_a_verb_after_the_block_is_no_reason_for_a_note(customer):
    def body(self):
        with transaction.atomic():
            Customer.objects.create(name="inside")
        self.skip()

    journey = inside(body).start(customer)
    journey.perform_next_step()
    assert last_entry(journey).reason is None


# ---------------------------------------------------------------------------------------------------- called by hand


class ByHand(Journey[Customer]):
    @step
    def decide(self):
        self.data["decided"] = True
        if self.hero.deactivated:
            self.cancel("gone")
        return "yes"

    @step
    async def decide_later(self):
        await self.apause("later")

    @step
    def both(self):
        self.decide()
        self.skip()

    @step
    def checkpoint(self):
        self.data["saved"] = True
        self.save()


def test_a_steps_method_called_by_hand_runs_the_body_and_performs_nothing(customer):
    journey = ByHand.start(customer)
    before = row_of(journey)
    assert journey.decide() == "yes"
    assert journey.data == {"decided": True}
    assert (row_of(journey), found(journey).data, entries_of(journey)) == (before, {}, [])


def test_its_verbs_raise(customer):
    customer.deactivated = True
    customer.save()
    journey = ByHand.start(customer)
    before = row_of(journey)
    with pytest.raises(Interruption) as raised:
        journey.decide()
    assert raised.value.outcome == Canceled("gone")
    assert (row_of(journey), entries_of(journey)) == (before, [])


def test_so_do_those_of_an_async_one(customer):
    journey = ByHand.start(customer)
    with pytest.raises(Interruption):
        async_to_sync(journey.decide_later)()
    assert row_of(journey).state == State.READY


def test_a_step_may_call_the_method_of_another(customer):
    journey = ByHand.start(customer)
    journey.jump_to("both")
    journey.perform_next_step()
    assert (journey.next_step_name, journey.data) == ("checkpoint", {"decided": True})


def test_a_save_by_hand_is_an_ordinary_one(customer):
    journey = ByHand.start(customer)
    journey.checkpoint()
    assert found(journey).data == {"saved": True}


def test_a_method_that_a_subclass_overrides_is_called_by_hand_as_well(customer):
    class Stricter(ByHand):
        def decide(self):
            self.finish()

    journey = Stricter.start(customer)
    with pytest.raises(Interruption):
        journey.decide()
    journey.perform_next_step()
    assert journey.state == State.FINISHED
