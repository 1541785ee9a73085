"""Inside and outside of a step are told apart by the object that is being performed. SEMANTICS 1."""

from __future__ import annotations

import pytest

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
from tests.home import Customer, Journey, adopted, among, block, count, create, found, mine, run, save, start, these
from tests.semantics.seen import entries_of, last_entry, row_of, told

pytestmark = pytest.mark.database


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
    journey = start(inside(lambda self: getattr(self, verb)()), customer)
    with pytest.raises(InvalidState, match=f"{verb}.*its step is running"):
        journey.perform_next_step()
    assert (journey.state, told(journey)) == (State.PAUSED, [("work", "failed")])


def test_by_is_for_outside(customer):
    journey = start(inside(lambda self: self.cancel(by="me")), customer)
    with pytest.raises(ValueError, match="inside a step it is the step itself"):
        journey.perform_next_step()


def test_a_reason_inside_is_told(customer):
    journey = start(inside(lambda self: self.skip(reason="done elsewhere")), customer)
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

    journey = start(inside(body), customer)
    assert journey.perform_next_step() == Completed()
    assert (journey.state, journey.next_step_name, journey.data) == (State.PAUSED, "more", {"went on": True})


def test_so_are_the_bulk_verbs(customer):
    def body(self):
        assert among(Journey, [self], inside=self).cancel("all of them").changed == 1
        self.data["went on"] = True

    journey = start(inside(body), customer)
    assert journey.perform_next_step() == Completed()
    assert (journey.state, journey.data) == (State.CANCELED, {"went on": True})


def test_another_journey_is_outside(customer):
    other = start(Other, customer)

    def body(self):
        found(other).cancel("by a sibling")

    journey = start(inside(body), customer)
    assert journey.perform_next_step() == Completed()
    assert row_of(other).state == State.CANCELED
    assert last_entry(other).attempt is None


def test_a_step_may_perform_another_journey(customer):
    other = start(Other, customer)

    def body(self):
        assert found(other).perform_next_step() == Canceled("inner")
        self.reattempt(60)

    journey = start(inside(body), customer)
    assert journey.perform_next_step() == Reattempted(60)
    assert (row_of(other).state, row_of(journey).state) == (State.CANCELED, State.READY)


def test_but_not_from_within_an_atomic_step(customer):
    other = start(Other, customer)
    journey = start(inside(lambda self: mine(other, self).perform_next_step(), atomic=True), customer)
    with pytest.raises(StepperMotorError, match="outside of a transaction"):
        journey.perform_next_step()
    assert row_of(other).state == State.READY


def test_a_step_that_performs_itself_finds_nothing_to_do(customer):
    def body(self):
        assert self.perform_next_step() is None
        assert found(self).perform_next_step() is None

    journey = start(inside(body), customer)
    assert journey.perform_next_step() == Completed()
    assert len(entries_of(journey)) == 1


def test_a_step_may_start_another_journey(customer):
    journey = start(inside(lambda self: start(Other, self.hero, inside=self)), customer)
    assert journey.perform_next_step() == Completed()
    assert these(Journey).ready().count() == 2


def test_the_object_is_outside_again_when_its_step_has_ended(customer):
    kept = []
    journey = start(inside(kept.append), customer)
    journey.perform_next_step()
    adopted(kept[0]).cancel("afterwards")
    assert row_of(journey).state == State.CANCELED
    assert last_entry(journey).attempt is None


def test_the_callers_object_stays_outside_while_its_row_is_performed(customer):
    def body(self):
        with pytest.raises(InvalidState):
            journey.skip()

    journey = start(inside(body), customer)
    assert journey.perform_next_step() == Completed()


@pytest.mark.allow_rolled_back_blocks
@pytest.mark.database(transaction=True)
@pytest.mark.parametrize("atomic", [False, True])
def test_a_verb_raised_inside_a_transaction_block_rolls_it_back_with_a_note(atomic, customer):
    def body(self):
        create(Customer, name="before", inside=self)
        with block(self):
            create(Customer, name="inside", inside=self)
            self.cancel("no more")

    journey = start(inside(body, atomic=atomic), customer)
    assert journey.perform_next_step() == Canceled("no more")
    assert {customer.name for customer in these(Customer)} == {"Ada", "before"}
    assert journey.reason == "no more"
    assert "rolled it back" in last_entry(journey).reason


@pytest.mark.database(transaction=True)
def test_an_outcome_returned_from_a_transaction_block_commits_it(customer):
    def body(self):
        with block(self):
            create(Customer, name="inside", inside=self)
            return Canceled("no more")

    journey = start(inside(body), customer)
    assert journey.perform_next_step() == Canceled("no more")
    assert count(Customer, name="inside") == 1
    assert last_entry(journey).reason == "no more"


@pytest.mark.database(transaction=True)
def test_a_verb_after_the_block_is_no_reason_for_a_note(customer):
    def body(self):
        with block(self):
            create(Customer, name="inside", inside=self)
        self.skip()

    journey = start(inside(body), customer)
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
        save(self)


def test_a_steps_method_called_by_hand_runs_the_body_and_performs_nothing(customer):
    journey = start(ByHand, customer)
    before = row_of(journey)
    assert journey.decide() == "yes"
    assert journey.data == {"decided": True}
    assert (row_of(journey), found(journey).data, entries_of(journey)) == (before, {}, [])


def test_its_verbs_raise(customer):
    customer.deactivated = True
    save(customer)
    journey = start(ByHand, customer)
    before = row_of(journey)
    with pytest.raises(Interruption) as raised:
        journey.decide()
    assert raised.value.outcome == Canceled("gone")
    assert (row_of(journey), entries_of(journey)) == (before, [])


def test_so_do_those_of_an_async_one(customer):
    journey = start(ByHand, customer)
    with pytest.raises(Interruption):
        run(journey.decide_later())
    assert row_of(journey).state == State.READY


def test_a_step_may_call_the_method_of_another(customer):
    journey = start(ByHand, customer)
    journey.jump_to("both")
    journey.perform_next_step()
    assert (journey.next_step_name, journey.data) == ("checkpoint", {"decided": True})


def test_a_save_by_hand_is_an_ordinary_one(customer):
    journey = start(ByHand, customer)
    journey.checkpoint()
    assert found(journey).data == {"saved": True}


def test_a_method_that_a_subclass_overrides_is_called_by_hand_as_well(customer):
    class Stricter(ByHand):
        def decide(self):
            self.finish()

    journey = start(Stricter, customer)
    with pytest.raises(Interruption):
        journey.decide()
    journey.perform_next_step()
    assert journey.state == State.FINISHED
