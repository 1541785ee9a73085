"""When a step is due: `wait`, `after`, `at`, and what they accept."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from stepper_motor.journeys.durations import duration, moment
from stepper_motor.journeys.steps import Step, Steps, step

T0 = datetime(2024, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
NEW_YORK = ZoneInfo("America/New_York")


class Journey:
    patience = 90


def body(journey: Any) -> None: ...


def a_step(**options: Any) -> Step:
    (made,) = Steps.of(type("Signup", (Journey,), {"remind": step(body, **options)}))
    return made


def due(*, since: datetime = T0 + HOUR, now: datetime = T0 + 2 * HOUR, **options: Any) -> datetime:
    return a_step(**options).due(Journey(), t0=T0, since=since, now=now)


def due_with(option: str, value: Any) -> datetime:
    options: Any = {option: value}
    return due(**options)


class TestWait:
    def test_is_counted_from_the_end_of_the_step_before_it_even_if_that_has_passed(self) -> None:
        assert due(wait=60) == T0 + HOUR + timedelta(minutes=1)
        assert due(wait=timedelta(days=2)) == T0 + HOUR + timedelta(days=2)

    def test_may_be_a_callable_that_takes_the_journey(self) -> None:
        assert due(wait=lambda journey: journey.patience) == T0 + HOUR + timedelta(seconds=90)
        assert due(wait=lambda journey: timedelta(days=1)) == T0 + HOUR + timedelta(days=1)

    def test_is_nothing_by_default(self) -> None:
        assert due() == T0 + HOUR


class TestAfter:
    def test_is_counted_from_the_start_of_the_journey_so_that_drift_is_caught_up(self) -> None:
        assert due(after=10 * HOUR) == T0 + 10 * HOUR
        assert due(after=10 * HOUR, since=T0 + 9 * HOUR, now=T0 + 9 * HOUR) == T0 + 10 * HOUR

    def test_is_now_if_it_has_passed(self) -> None:
        assert due(after=HOUR) == T0 + 2 * HOUR

    def test_may_be_a_callable_that_takes_the_journey(self) -> None:
        assert due(after=lambda journey: journey.patience * 3600) == T0 + 90 * HOUR


class TestAt:
    def test_is_a_time_given_by_a_callable(self) -> None:
        assert due(at=lambda journey: T0 + 5 * HOUR) == T0 + 5 * HOUR

    def test_is_turned_into_utc(self) -> None:
        given = due(at=lambda journey: datetime(2024, 6, 1, 12, tzinfo=NEW_YORK))
        assert given == datetime(2024, 6, 1, 16, tzinfo=UTC)
        assert given.tzinfo is UTC

    def test_is_now_if_it_has_passed(self) -> None:
        assert due(at=lambda journey: T0) == T0 + 2 * HOUR

    def test_a_naive_time_is_an_error(self) -> None:
        with pytest.raises(
            ValueError, match=r"step 'remind': at: a time must be aware \(have a tzinfo\), got the naive"
        ):
            due(at=lambda journey: datetime(2024, 6, 1, 12))  # noqa: DTZ001

    @pytest.mark.parametrize("value", [date(2024, 6, 1), None, 5, "tomorrow", HOUR])
    def test_anything_else_is_an_error(self, value: Any) -> None:
        with pytest.raises(TypeError, match="step 'remind': at: a time must be a datetime, got"):
            due(at=lambda journey: value)


class TestMoment:
    """All times are stored in UTC and aware."""

    @pytest.mark.parametrize("fold", [0, 1])
    def test_half_past_two_in_a_spring_gap_means_half_past_three(self, fold: int) -> None:
        in_gap = moment(datetime(2024, 3, 10, 2, 30, tzinfo=NEW_YORK, fold=fold))
        assert in_gap.astimezone(NEW_YORK).replace(tzinfo=None) == datetime(2024, 3, 10, 3, 30)  # noqa: DTZ001

    def test_in_an_autumn_fold_the_first_is_meant(self) -> None:
        assert moment(datetime(2024, 11, 3, 1, 30, tzinfo=NEW_YORK)) == datetime(2024, 11, 3, 5, 30, tzinfo=UTC)

    def test_unless_fold_is_one(self) -> None:
        assert moment(datetime(2024, 11, 3, 1, 30, tzinfo=NEW_YORK, fold=1)) == datetime(2024, 11, 3, 6, 30, tzinfo=UTC)

    def test_a_tzinfo_without_an_offset_is_naive_too(self) -> None:
        class Nowhere(tzinfo):
            def utcoffset(self, when: datetime | None) -> None: ...
            def dst(self, when: datetime | None) -> None: ...
            def tzname(self, when: datetime | None) -> None: ...

        with pytest.raises(ValueError, match="naive"):
            moment(datetime(2024, 1, 1, tzinfo=Nowhere()))

    def test_a_time_out_of_range_is_an_error(self) -> None:
        with pytest.raises(ValueError, match="out of range"):
            moment(datetime(9999, 12, 31, 23, tzinfo=timezone(-2 * HOUR)))

    @given(some.datetimes(datetime(1950, 1, 1), datetime(2100, 1, 1), timezones=some.timezones()))  # noqa: DTZ001
    def test_is_the_same_time_in_utc_if_a_clock_ever_showed_it(self, value: datetime) -> None:
        given = moment(value)
        assert given.tzinfo is UTC
        shown = given.astimezone(value.tzinfo).replace(tzinfo=None)
        assert shown >= value.replace(tzinfo=None)
        if shown == value.replace(tzinfo=None):
            assert given == value.astimezone(UTC)


class TestDuration:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (0, timedelta(0)),
            (5, timedelta(seconds=5)),
            (0.25, timedelta(milliseconds=250)),
            (timedelta(days=2), timedelta(days=2)),
        ],
    )
    def test_is_a_timedelta_or_seconds(self, value: Any, expected: timedelta) -> None:
        assert duration(value) == expected

    @pytest.mark.parametrize("value", [-1, -0.5, timedelta(microseconds=-1), timedelta.min])
    def test_is_never_negative(self, value: Any) -> None:
        with pytest.raises(ValueError, match="must not be negative, got -"):
            duration(value)

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), 1e300, 10**400])
    def test_is_a_number_that_fits(self, value: Any) -> None:
        with pytest.raises(ValueError, match="out of range"):
            duration(value)

    @pytest.mark.parametrize("value", [True, False, "5", None, [5], date(2024, 1, 1)])
    def test_is_nothing_else(self, value: Any) -> None:
        with pytest.raises(TypeError, match="must be a timedelta or a number of seconds, got"):
            duration(value)


class TestACallable:
    @pytest.mark.parametrize("option", ["wait", "after"])
    def test_that_gives_a_negative_duration_is_an_error(self, option: str) -> None:
        with pytest.raises(ValueError, match=f"step 'remind': {option}: a duration must not be negative"):
            due_with(option, lambda journey: -1)

    @pytest.mark.parametrize("option", ["wait", "after"])
    @pytest.mark.parametrize("value", [None, "5", True])
    def test_that_gives_no_duration_is_an_error(self, option: str, value: Any) -> None:
        with pytest.raises(TypeError, match=f"step 'remind': {option}: a duration must be"):
            due_with(option, lambda journey: value)

    @pytest.mark.parametrize("option", ["wait", "after", "at"])
    def test_that_raises_lets_its_error_through(self, option: str) -> None:
        def broken(journey: Any) -> Any:
            raise LookupError("no such plan")

        with pytest.raises(LookupError, match="no such plan"):
            due_with(option, broken)


def test_a_time_after_the_last_one_there_is_is_an_error() -> None:
    with pytest.raises(ValueError, match="step 'remind' would be due after the year 9999"):
        due(wait=timedelta.max)


class TestTheOwnWait:
    def test_of_a_step_is_what_a_reattempt_without_a_wait_waits(self) -> None:
        assert a_step(wait=7200).own_wait(Journey()) == 2 * HOUR
        assert a_step(wait=lambda journey: journey.patience).own_wait(Journey()) == timedelta(seconds=90)

    def test_is_nothing_for_a_step_without_one(self) -> None:
        for each in (a_step(), a_step(after=60), a_step(at=lambda journey: T0)):
            assert each.own_wait(Journey()) == timedelta(0)


class TestThePlainWait:
    def test_is_known_without_a_journey(self) -> None:
        assert a_step(wait=7200).plain_wait == 2 * HOUR
        assert a_step().plain_wait == timedelta(0)

    def test_is_unknown_if_only_the_journey_or_the_clock_can_tell(self) -> None:
        for each in (a_step(wait=lambda journey: 5), a_step(after=60), a_step(at=lambda journey: T0)):
            assert each.plain_wait is None
