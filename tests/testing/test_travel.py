"""Moving the library's clock: for a block, or for the rest of the test."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from stepper_motor import now
from stepper_motor.motor import clock as library
from stepper_motor.motor.clock import FastClock, SetClock, SystemClock, installing
from stepper_motor.testing import travel
from tests.testing.conftest import NEW_YEAR

pytestmark = pytest.mark.pure

DAY = timedelta(days=1)


def test_within_the_block_it_is_then_and_time_stands_still():
    with travel(NEW_YEAR):
        assert now() == NEW_YEAR
        assert now() == NEW_YEAR
    assert now() - datetime.now(UTC) < timedelta(seconds=5)


@pytest.mark.parametrize("to", [timedelta(hours=2), 7200, 7200.0, NEW_YEAR + timedelta(hours=2)])
def test_a_duration_or_seconds_count_from_now(clock, to):
    with travel(to):
        assert now() == NEW_YEAR + timedelta(hours=2)


def test_it_may_go_back(clock):
    with travel(-DAY):
        assert now() == NEW_YEAR - DAY


def test_another_time_zone_means_the_same_moment():
    with travel(datetime(2030, 1, 1, 11, 0, tzinfo=timezone(timedelta(hours=2)))):
        assert now() == NEW_YEAR
        assert now().tzinfo is UTC


def test_travels_nest_and_each_goes_back_where_it_came_from():
    before = library.installed()
    with travel(NEW_YEAR):
        with travel(DAY):
            with travel(DAY):
                assert now() == NEW_YEAR + 2 * DAY
            assert now() == NEW_YEAR + DAY
        assert now() == NEW_YEAR
    assert library.installed() is before


def test_it_goes_back_after_an_error():
    before = library.installed()
    with pytest.raises(RuntimeError), travel(NEW_YEAR):
        raise RuntimeError
    assert library.installed() is before


def test_the_block_has_the_clock_and_may_move_it_on():
    with travel(NEW_YEAR) as clock:
        clock.move(DAY)
        assert now() == NEW_YEAR + DAY


def test_without_a_block_it_stays_there_until_it_is_told_to_go_back():
    journey_back = travel(NEW_YEAR)
    travel(DAY)
    assert now() == NEW_YEAR + DAY
    journey_back.back()
    assert isinstance(library.installed(), SystemClock)


def test_a_clock_that_stands_already_is_moved_itself(clock):
    with travel(DAY) as moved:
        assert moved is clock
        assert clock.now() == NEW_YEAR + DAY
    assert clock.now() == NEW_YEAR


def test_a_fast_clock_comes_back_as_it_was():
    fast = FastClock(60, NEW_YEAR)
    with installing(fast):
        with travel(NEW_YEAR):
            assert isinstance(library.installed(), SetClock)
        assert library.installed() is fast


@pytest.mark.parametrize(
    ("to", "error", "told"),
    [
        (datetime(2030, 1, 1), ValueError, "needs a time zone"),  # noqa: DTZ001
        ("tomorrow", TypeError, "an aware datetime, a timedelta or a number of seconds"),
        (None, TypeError, "got None"),
        (True, TypeError, "got True"),
    ],
)
def test_what_is_no_moment_is_refused_and_the_clock_not_touched(to, error, told):
    before = library.installed()
    with pytest.raises(error, match=told):
        travel(to)
    assert library.installed() is before
