"""Verbs from several threads at the same moment: each acts on the row as it is under its lock. SEMANTICS 5."""

import pytest

from stepper_motor import InvalidState, State, step
from stepper_motor.motor.motor import BulkResult
from tests.home import Customer, Journey, configured, create_many, found, reload, start, start_for, these
from tests.semantics.seen import entries_of
from tests.semantics.side_by_side import side_by_side

pytestmark = pytest.mark.database(transaction=True)


class Race(Journey[Customer]):
    @step
    def one(self): ...

    @step
    def two(self): ...

    @step
    def three(self): ...


def objects_of(journey, count):
    """Each thread has an object of its own; all of them saw the same row."""
    return [found(journey) for _ in range(count)]


def refused(results):
    return [result for result in results if isinstance(result, InvalidState)]


@pytest.mark.parametrize("verb", ["skip", "reattempt", "reschedule", "jump_to", "finish", "cancel", "pause"])
def test_of_many_that_say_the_same_one_acts(customer, verb):
    journey = start(Race, customer)
    results = side_by_side(*[getattr(each, verb) for each in objects_of(journey, 6)])
    assert len(refused(results)) == 5, results
    assert len(entries_of(journey)) == 1


def test_pause_and_cancel_both_act_or_the_cancel_alone(customer):
    for _ in range(5):
        journey = start(Race, customer)
        one, other = objects_of(journey, 2)
        paused, canceled = side_by_side(one.pause, other.cancel)
        assert not isinstance(canceled, Exception), canceled
        assert len(entries_of(journey)) == 2 - len(refused([paused]))
        reload(journey)
        assert journey.state is State.CANCELED


def test_a_performer_and_a_verb_do_not_overlook_each_other(customer):
    for _ in range(5):
        journey = start(Race, customer)
        one, other = objects_of(journey, 2)
        performed, skipped = side_by_side(one.perform_next_step, other.skip)
        reload(journey)
        steps = [entry.step_name for entry in entries_of(journey)]
        if isinstance(skipped, InvalidState):
            assert (steps, journey.next_step_name) == (["one"], "two")
        else:
            assert (steps[0], journey.previous_step_name) == ("one", steps[-1]), (performed, skipped)
        assert len(steps) == len(set(steps)) == journey.steps_entered + (not isinstance(skipped, InvalidState))
        journey.cancel()


def test_bulk_verbs_in_opposite_orders_wait_for_each_other():
    create_many(Customer, [{"name": str(n)} for n in range(100)])
    start_for(Race, these(Customer))
    with configured(batch=50):
        results = side_by_side(
            lambda: these(Race).order_by("id").pause(),
            lambda: these(Race).order_by("-id").pause(),
            lambda: these(Race).order_by("-id")[:100].cancel(),
        )
    assert all(isinstance(result, BulkResult) for result in results), results
    assert results[2] == (100, 0, 0)
    assert these(Race).canceled().count() == 100
    assert results[0].changed + results[1].changed == these(Race.History, outcome="paused").count()
