"""A journey that is deleted under its step, by the step or elsewhere. SEMANTICS 3."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stepper_motor import Completed, InvalidState, step
from stepper_motor.motor.worker import Worker
from tests.home import Customer, Journey, count, delete, found, motor, only, start, tell, words
from tests.semantics.seen import entries_of

pytestmark = pytest.mark.database


class TwoSteps(Journey[Customer]):
    @step
    def one(self):
        self.data["seen"] = str(self.hero)

    @step(wait=timedelta(days=1))
    def two(self): ...


def test_a_row_deleted_by_its_own_step_is_no_error(customer):
    class Vanishing(Journey[Customer]):
        @step
        def vanish(self):
            tell(self, "vanished")
            delete(found(self))

    journey = start(Vanishing, customer)
    assert journey.perform_next_step() is None
    assert not count(Journey, id=journey.id)
    assert entries_of(journey) == []
    assert words() == ["vanished"]


@pytest.mark.parametrize("atomic", [False, True])
@pytest.mark.parametrize("when", ["in the body", "in a hook"])
def test_a_journey_may_delete_itself(when, atomic, customer):
    class Erasing(Journey[Customer]):
        @step(atomic=atomic)
        def erase(self):
            if when == "in the body":
                delete(self)

        def after_finish(self):
            delete(self)

    journey = start(Erasing, customer)
    assert journey.perform_next_step() == (None if when == "in the body" else Completed())
    assert not count(Journey)
    assert entries_of(journey) == []


@pytest.mark.database(transaction=True)
def test_and_so_it_may_in_a_worker(customer, caplog):
    class Erasing(Journey[Customer]):
        @step
        def erase(self):
            delete(self)

    for key in "abc":
        start(Erasing, customer, key=key)
    with caplog.at_level("INFO", "stepper_motor"):
        Worker(motor(), concurrency=1).run(once=True)
    assert not count(Journey)
    assert caplog.text.count("its row is gone, so nothing was settled") == 3


def test_the_exception_of_a_step_that_deleted_its_row_is_not_swallowed(customer):
    class Vanishing(Journey[Customer]):
        @step
        def vanish(self):
            delete(found(self))
            raise OSError("and there is more")

    with pytest.raises(OSError, match="and there is more"):
        start(Vanishing, customer).perform_next_step()


def test_a_verb_on_a_journey_whose_row_is_gone_says_so(customer):
    journey, other = start(TwoSteps, customer), only(TwoSteps)
    delete(other)
    with pytest.raises(InvalidState, match="gone"):
        journey.cancel()
