"""Performing by hand: the claim, the order of things, and what the caller gets. SEMANTICS 1 and 4."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from stepper_motor import Canceled, Completed, Finished, State, StepperMotorError, cancel_if, step
from tests.home import Customer, Journey, delete, found, in_a_transaction, in_transaction, only, put, start, tell, words
from tests.semantics.elsewhere import elsewhere
from tests.semantics.seen import claimed_by, entries_of, row_of, told

pytestmark = pytest.mark.database


class TwoSteps(Journey[Customer]):
    @step
    def one(self):
        self.data["seen"] = str(self.hero)

    @step(wait=timedelta(days=1))
    def two(self): ...


class Watched(Journey[Customer]):
    """What a body sees of itself."""

    seen = []

    @step
    def watch(self):
        row = row_of(self)
        self.seen.append((row.state, row.performed_by, row.lease_expires_at, in_a_transaction(self)))


class Ordered(Journey[Customer]):
    order = []

    def note(self, word, answer=None):
        self.order.append(word)
        return answer

    @cancel_if
    def first_cancel_if(self):
        return self.note("cancel_if", False)

    def is_passed_over(self):
        return self.note("skip_if", False)

    def before_step_starts(self, step):
        self.note(f"before {step}")

    def around_step(self, step):
        self.note("around")
        yield
        self.note("around, after")

    def after_step_ends(self, step, outcome):
        self.note(f"after {step}: {outcome.name}")

    @step(skip_if="is_passed_over")
    def work(self):
        self.note("body")

    def after_finish(self):
        self.note(f"after_finish: {row_of(self).state}")


class Objects(Journey[Customer]):
    objects_seen = []

    @step
    def one(self):
        self.own_thing = "kept in memory"
        self.objects_seen.append(self)

    @step
    def two(self):
        assert not hasattr(self, "own_thing")
        self.objects_seen.append(self)


def test_a_performance_claims_runs_and_settles(clock, customer):
    journey = start(TwoSteps, customer)
    assert journey.perform_next_step() == Completed()
    row = row_of(journey)
    assert (row.state, row.previous_step_name, row.next_step_name) == (State.READY, "one", "two")
    assert row.next_step_to_be_performed_at == clock.now() + timedelta(days=1)
    assert row.arrived_at == clock.now()


def test_the_callers_object_is_refreshed(clock, customer):
    journey = start(TwoSteps, customer)
    journey.perform_next_step()
    assert journey._row == row_of(journey)
    assert journey.data == {"seen": "Ada"}


def test_none_when_there_is_nothing_to_be_done(clock, customer):
    journey = start(TwoSteps, customer)
    journey.perform_next_step()
    assert journey.perform_next_step() is None


@pytest.mark.parametrize("verb", ["pause", "cancel", "finish"])
def test_only_a_ready_journey_is_claimed(verb, customer):
    journey = start(TwoSteps, customer)
    getattr(journey, verb)()
    before = row_of(journey)
    assert journey.perform_next_step() is None
    assert row_of(journey) == before


def test_a_journey_that_another_performs_is_not_claimed(customer):
    journey = start(TwoSteps, customer)
    claimed_by(journey, "somebody else")
    assert journey.perform_next_step() is None
    assert row_of(journey).performed_by == "somebody else"
    assert entries_of(journey) == []


def test_with_the_fence_of_the_row_it_is_claimed(customer):
    journey = start(TwoSteps, customer)
    assert journey.perform_next_step(fence=journey.fence) == Completed()


def test_with_another_fence_it_is_not(customer):
    journey = start(TwoSteps, customer)
    old = journey.fence
    journey.reattempt()
    assert journey.perform_next_step(fence=old) is None
    assert journey.perform_next_step(fence=found(journey).fence) == Completed()


@pytest.mark.parametrize("fence", [7, b"a fence", object])
def test_a_fence_is_a_text(fence, customer):
    journey = start(TwoSteps, customer)
    with pytest.raises(TypeError, match="fence must be a text"):
        journey.perform_next_step(fence=fence)
    assert journey.state is State.READY


def test_an_object_loaded_long_ago_performs_what_is_due_now(clock, customer):
    stale, other = start(TwoSteps, customer), only(TwoSteps)
    other.perform_next_step()
    clock.move(timedelta(days=1))
    assert stale.perform_next_step() == Completed()
    assert stale.state == State.FINISHED


def test_a_deleted_journey_is_nothing_to_be_done(customer):
    journey, other = start(TwoSteps, customer), only(TwoSteps)
    delete(other)
    assert journey.perform_next_step() is None


def test_while_its_body_runs_the_row_is_held_under_a_lease(clock, customer):
    Watched.seen.clear()
    journey = start(Watched, customer)
    journey.perform_next_step()
    ((state, performed_by, lease, _),) = Watched.seen
    assert state == State.PERFORMING
    assert performed_by
    assert lease == clock.now() + timedelta(seconds=60)
    assert (row_of(journey).performed_by, row_of(journey).lease_expires_at) == (None, None)
    assert entries_of(journey)[0].by == performed_by


def test_a_class_may_have_a_lease_of_its_own(clock, customer):
    class Slow(Watched):
        lease = timedelta(minutes=5)

    Watched.seen.clear()
    start(Slow, customer).perform_next_step()
    assert Watched.seen[0][2] == clock.now() + timedelta(minutes=5)


@pytest.mark.database(transaction=True)
def test_no_transaction_and_no_lock_is_held_while_a_body_runs(customer):
    class Free(Watched):
        @step
        def let_another_write(self):
            elsewhere(lambda: put(found(self), reason="written meanwhile"))

    Watched.seen.clear()
    journey = start(Free, customer)
    journey.perform_next_step()
    assert Watched.seen[0][3] is False
    assert journey.perform_next_step() == Completed()


def test_the_order_in_a_performance(customer):
    Ordered.order.clear()
    start(Ordered, customer).perform_next_step()
    assert Ordered.order == [
        "cancel_if", "skip_if", "before work", "around", "body", "around, after", "after work: completed",
        "after_finish: finished",
    ]  # fmt: skip


def test_a_hero_that_is_gone_comes_before_cancel_if(customer):
    Ordered.order.clear()
    journey = start(Ordered, customer)
    delete(customer)
    assert journey.perform_next_step() == Canceled("the hero is gone")
    assert Ordered.order == []


def test_the_journey_object_is_fresh_in_every_step(customer):
    Objects.objects_seen.clear()
    journey = start(Objects, customer)
    journey.perform_next_step()
    journey.perform_next_step()
    assert journey.state == State.FINISHED
    assert len({id(each) for each in [journey, *Objects.objects_seen]}) == 3


def test_every_performance_leaves_one_entry(clock, customer):
    journey = start(TwoSteps, customer)
    journey.perform_next_step()
    journey.perform_next_step()
    clock.move(timedelta(days=1))
    journey.perform_next_step()
    assert told(journey) == [("one", "completed"), ("two", "completed")]


def test_what_a_step_raised_is_raised_once_it_is_settled(customer):
    class Broken(Journey[Customer]):
        @step
        def charge(self):
            raise ConnectionError("no route to the bank")

    journey = start(Broken, customer)
    with pytest.raises(ConnectionError, match="no route to the bank"):
        journey.perform_next_step()
    assert journey.state == State.PAUSED
    assert told(journey) == [("charge", "failed")]


@pytest.mark.database(transaction=True)
def test_inside_a_transaction_of_the_callers_it_is_an_error(customer):
    journey = start(TwoSteps, customer)
    with in_transaction(), pytest.raises(StepperMotorError, match="outside of a transaction"):
        journey.perform_next_step()
    assert row_of(journey).state == State.READY


@pytest.mark.database(transaction=True)
def test_what_was_performed_is_committed(customer):
    journey = start(TwoSteps, customer)
    journey.perform_next_step()
    assert elsewhere(lambda: row_of(journey).next_step_name) == "two"


def test_inside_a_step_the_logger_tells_of_journey_and_step(customer, caplog):
    class Logging(Journey[Customer]):
        @step
        def speak(self):
            self.logger.warning("here I am")

    journey = start(Logging, customer)
    journey.perform_next_step()
    (record,) = [record for record in caplog.records if record.message == "here I am"]
    assert (record.stepper_motor_journey_id, record.stepper_motor_step) == (journey.id, "speak")
    assert (record.stepper_motor_journey_type, record.stepper_motor_attempt) == (journey.type, 1)


@pytest.mark.database(transaction=True)
def test_of_many_who_perform_at_once_one_does(customer):
    class Once(Journey[Customer]):
        @step
        def work(self):
            tell(self, "worked")

        @step(wait=3600)
        def later(self): ...

    def perform():
        mine = found(journey)
        barrier.wait(20)
        outcomes.append(mine.perform_next_step())

    journey, outcomes, barrier = start(Once, customer), [], threading.Barrier(4)
    threads = [threading.Thread(target=elsewhere, args=[perform]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(outcomes, key=str) == [Completed(), None, None, None]
    assert (words(), told(journey)) == (["worked"], [("work", "completed")])


NAMES = ["100 % sure", 'it\'s "quoted"', "ünïcödé ☕", "a/b\\c", "SELECT 1; --", "{0}", "step"]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_will_do(name, customer):
    class Named(Journey[Customer]):
        first = step(lambda self: None, name="first")
        named = step(lambda self: self.reattempt(0), name=name)

    journey = start(Named, customer)
    journey.perform_next_step()
    journey.perform_next_step()
    row = row_of(journey)
    assert (row.previous_step_name, row.next_step_name) == (name, name)
    assert told(journey) == [("first", "completed"), (name, "reattempted")]


def test_one_step_after_the_other_until_it_is_finished(clock, customer):
    journey = start(TwoSteps, customer)
    outcomes = [journey.perform_next_step()]
    clock.move(timedelta(days=1))
    outcomes.append(journey.perform_next_step())
    assert outcomes == [Completed(), Completed()]
    assert (journey.state, journey.ended_at) == (State.FINISHED, clock.now())
    assert (journey.steps_entered, journey.steps_completed) == (2, 2)
    assert Finished() not in outcomes
