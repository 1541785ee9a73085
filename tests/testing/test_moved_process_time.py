"""Tests that move the time of the whole process, by time-machine, instead of the library's clock."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from stepper_motor import Completed, State, now
from stepper_motor.motor import clock as library
from stepper_motor.testing import ProcessClock, assert_due, perform_next_step, run_due, speedrun, travel
from tests.shop.journeys import Drip
from tests.testing.conftest import NEW_YEAR

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def test_journeys_follow_on_every_database(customer):
    with time_machine.travel(NEW_YEAR, tick=False) as traveller:
        journey = Drip.start(customer)
        assert journey.perform_next_step() == Completed()
        assert_due(journey, NEW_YEAR + 2 * DAY)
        assert journey.perform_next_step() is None
        traveller.shift(2 * DAY)
        assert journey.perform_next_step() == Completed()
        assert_due(journey, NEW_YEAR + 32 * DAY)


def test_into_the_past_too(customer):
    with time_machine.travel(datetime(2020, 2, 29, tzinfo=UTC)):
        journey = Drip.start(customer)
        assert [each.step for each in run_due()] == ["welcome"]
        assert journey.created_at.year == 2020


def test_a_speedrun_begins_at_the_time_it_was_moved_to(customer):
    with time_machine.travel(NEW_YEAR, tick=False):
        journey = Drip.start(customer)
        speedrun(journey)
        assert datetime.now(UTC) == NEW_YEAR
    assert journey.state == State.FINISHED
    assert journey.ended_at == NEW_YEAR + 32 * DAY


def test_a_single_step_leaves_it_where_it_is(customer):
    with time_machine.travel(NEW_YEAR, tick=False):
        journey = Drip.start(customer)
        perform_next_step(journey)
        perform_next_step(journey)
        assert now() == datetime.now(UTC) == NEW_YEAR


def test_the_librarys_clock_stands_apart_once_it_was_set(customer):
    with travel(NEW_YEAR), time_machine.travel(NEW_YEAR + 30 * DAY):
        assert now() == NEW_YEAR
    with time_machine.travel(NEW_YEAR, tick=False), travel(DAY):
        assert now() == NEW_YEAR + DAY


def test_as_long_as_nobody_moves_it_the_database_tells_the_time():
    assert not library.installed().replaces_database
    clock = ProcessClock()
    with time_machine.travel(NEW_YEAR):
        assert clock.replaces_database
        assert library.installed().replaces_database
    assert not clock.replaces_database
