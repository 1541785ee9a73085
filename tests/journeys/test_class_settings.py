"""What a class says about itself is checked when it is defined: one bad class must not stop the others' worker."""

from datetime import timedelta

import pytest

from stepper_motor import DefinitionError, Reattempt, step
from stepper_motor.journeys.journey import JourneyBase
from stepper_motor.motor.settings import Settings


@pytest.mark.parametrize("name", ["a\0b", "a\ud800", ""])
def test_a_step_has_no_name_that_a_database_refuses(name):
    with pytest.raises(DefinitionError):

        class Refused(JourneyBase):
            begin = step(lambda journey: None, name=name)


@pytest.mark.parametrize("name", ["a\0b", "a\ud800", "", 5])
def test_nor_has_a_class_such_a_type_name(name):
    with pytest.raises(DefinitionError, match="type name"):

        class Refused(JourneyBase):
            type_name = name


def test_a_former_name_is_held_to_the_same():
    with pytest.raises(DefinitionError, match="no database keeps"):

        class Refused(JourneyBase):
            @step(formerly="a\0b")
            def begin(self): ...


@pytest.mark.parametrize("lease", [0.5, timedelta(days=31), timedelta.max])
def test_a_lease_lasts_from_a_second_to_thirty_days(lease):
    given = lease
    with pytest.raises(DefinitionError, match="from a second to 30 days"):

        class Refused(JourneyBase):
            lease = given


def test_when_stuck_is_another_name_for_if_lost():
    class Stuck(JourneyBase):
        when_stuck = "cancel"

    assert Stuck.definition.if_lost == "cancel"
    with pytest.raises(DefinitionError, match="says otherwise"):

        class Refused(JourneyBase):
            if_lost = "pause"
            when_stuck = "cancel"


def test_may_proceed_without_hero_is_a_yes_or_a_no():
    with pytest.raises(DefinitionError, match="True or False"):

        class Refused(JourneyBase):
            may_proceed_without_hero = "no"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**30, timedelta.max])
@pytest.mark.parametrize("name", ["lease", "stop_grace", "delete_completed_after"])
def test_a_setting_is_a_duration_that_can_pass(name, value):
    with pytest.raises(DefinitionError, match=name):
        Settings(**{name: value})


def test_a_back_off_too_long_for_a_calendar_is_the_longest_there_is():
    policy = Reattempt(wait=timedelta.max, max_wait=timedelta.max)
    assert policy.delay(1, random=lambda: 1.0) == timedelta.max
