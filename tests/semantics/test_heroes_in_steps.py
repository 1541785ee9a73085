"""A hero that is gone before, under or after a step. SEMANTICS 3 and 4."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stepper_motor import Canceled, Completed, State, StepperMotorError, step
from tests.home import Customer, Journey, delete, put, start

pytestmark = pytest.mark.database


class TwoSteps(Journey[Customer]):
    @step
    def one(self):
        self.data["seen"] = str(self.hero)

    @step(wait=timedelta(days=1))
    def two(self): ...


def test_a_hero_deleted_under_its_step_is_left_to_the_next_one(customer):
    class Erasure(Journey[Customer]):
        @step
        def erase(self):
            delete(self.hero)

        @step
        def tell(self): ...

    journey = start(Erasure, customer)
    assert journey.perform_next_step() == Completed()
    assert journey.state == State.READY
    assert journey.perform_next_step() == Canceled("the hero is gone")


def test_a_class_may_proceed_without_its_hero(customer):
    class Farewell(Journey[Customer]):
        may_proceed_without_hero = True
        heroes = []

        @step
        def farewell(self):
            self.heroes.append(self.hero)

    journey = start(Farewell, customer)
    delete(customer)
    assert journey.perform_next_step() == Completed()
    assert Farewell.heroes == [None]


def test_a_journey_without_a_hero_has_none_to_miss():
    journey = start(TwoSteps)
    assert journey.perform_next_step() == Completed()
    assert journey.data == {"seen": "None"}


def test_a_hero_of_a_model_that_is_not_installed_any_more_is_an_exception(customer):
    journey = put(start(TwoSteps, customer), hero_type="uninstalled_table")
    with pytest.raises(StepperMotorError, match="uninstalled_table"):
        journey.perform_next_step()
    assert journey.state == State.PAUSED
    assert "uninstalled_table" in journey.reason
    assert journey.steps_entered == 0


def test_a_class_that_may_proceed_does_not_ask_for_its_heros_model(customer):
    class Careless(Journey[Customer]):
        may_proceed_without_hero = True

        @step
        def go(self): ...

    journey = put(start(Careless, customer), hero_type="uninstalled_table")
    assert journey.perform_next_step() == Completed()
