"""What `step` refuses, and what it says instead."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from stepper_motor.journeys.errors import DefinitionError
from stepper_motor.journeys.steps import Steps, step


def body(journey: Any) -> None: ...


async def later(journey: Any) -> int:
    return 1


def yielding(journey: Any) -> Any:
    yield 1


def refused(match: str, **options: Any) -> None:
    with pytest.raises(DefinitionError, match=match):
        step(body, **options)


def test_an_unknown_option_is_an_error_that_names_the_nearest() -> None:
    refused(r"step\(\) has no option 'wiat'; did you mean 'wait'\?", wiat=5)
    refused(r"did you mean 'skip_if'\?", skipif=True)


def test_an_unknown_option_like_none_is_an_error_that_lists_them() -> None:
    refused("has no option 'zzz'; there are name, wait, after, at", zzz=5)


def test_an_unknown_option_is_told_by_the_type_checker_too() -> None:
    with pytest.raises(DefinitionError):
        step(body, wiat=5)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"skip_if": True, "only_if": True}, "skip_if or only_if"),
        ({"skip_if": False, "only_if": None}, "skip_if or only_if"),
        ({"before_step": "a", "after_step": "b"}, "before_step or after_step"),
        ({"wait": 1, "after": 2}, "wait or after"),
        ({"wait": 0, "at": body}, "wait or at"),
        ({"after": 1, "at": body}, "after or at"),
    ],
)
def test_options_that_contradict_each_other_are_an_error(options: Any, named: str) -> None:
    refused(rf"step\(\): give {named}, not both", **options)


@pytest.mark.parametrize("option", ["wait", "after", "timeout"])
def test_a_duration_is_never_negative(option: str) -> None:
    refused(rf"step\(\): {option}: a duration must not be negative, got -5 seconds", **{option: -5})
    refused("must not be negative, got -2:00:00", **{option: timedelta(hours=-2)})


@pytest.mark.parametrize("option", ["wait", "after", "timeout"])
@pytest.mark.parametrize("value", ["5 minutes", True, [5]])
def test_a_duration_is_a_timedelta_or_seconds(option: str, value: Any) -> None:
    refused(rf"step\(\): {option}: a duration must be a timedelta or a number of seconds", **{option: value})


@pytest.mark.parametrize("value", [0, 0.5, 60, timedelta(0), timedelta(days=2), lambda journey: 5])
def test_waits_of_every_kind_are_accepted_zero_too(value: Any) -> None:
    step(body, wait=value)
    step(body, after=value)


def test_a_timeout_is_more_than_zero_and_fixed() -> None:
    refused("timeout must be more than 0", timeout=0)
    refused("timeout: a duration must be", timeout=lambda journey: 5)


@pytest.mark.parametrize("option", ["wait", "after", "at"])
def test_a_callable_for_a_time_takes_the_journey_alone_and_is_neither_async_nor_a_generator(option: str) -> None:
    refused(rf"{option} must take \(journey\), but .* can't be called like that", **{option: lambda: 5})
    refused(f"{option} must be an ordinary function", **{option: later})
    refused(f"{option} must be an ordinary function", **{option: yielding})


def test_at_is_a_callable() -> None:
    refused("at must be a callable that takes the journey, got 5", at=5)


@pytest.mark.parametrize("option", ["name", "before_step", "after_step", "formerly"])
@pytest.mark.parametrize("value", ["", 5, body])
def test_a_name_is_a_string_that_is_not_empty(option: str, value: Any) -> None:
    refused(rf"step\(\): {option} must be the name of a step, a string that is not empty", **{option: value})


def test_former_names_are_names() -> None:
    refused("formerly must be the name of a step", formerly=("old", ""))


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "3"])
def test_times_is_one_or_more(value: Any) -> None:
    refused(r"times must be an int, 1 or more, got", times=value)


@pytest.mark.parametrize("value", [1, "yes"])
def test_atomic_is_true_or_false(value: Any) -> None:
    refused("atomic must be True or False", atomic=value)


def test_if_lost_is_one_of_four_words() -> None:
    refused(
        r"if_lost must be 'pause', 'cancel', 'skip' or 'reattempt', got 'reatempt'; did you mean 'reatt",
        if_lost="reatempt",
    )
    refused("if_lost must be", if_lost=5)


def test_on_exception_is_checked_when_the_step_is_declared() -> None:
    refused(r"step\(\): on_exception must be .*, got 'puase'; did you mean 'pause'\?", on_exception="puase")


@pytest.mark.parametrize("option", ["skip_if", "only_if"])
def test_a_condition_of_another_kind_is_an_error(option: str) -> None:
    refused(rf"step\(\): {option} must be a bool, None, the name of", **{option: 5})


def test_an_option_that_is_none_is_as_if_not_given() -> None:
    class Journey:
        remind = step(body, name=None, wait=None, after=5, at=None, before_step=None, on_exception=None, timeout=None)

    steps = Steps.of(Journey)
    assert steps.names == ("remind",)
    assert steps[0].after == timedelta(seconds=5)


def test_but_a_condition_that_is_none_is_false() -> None:
    class Journey:
        never = step(body, only_if=None)

    assert Steps.of(Journey)[0].only_if is not None


def test_an_error_is_raised_at_the_line_that_is_wrong() -> None:
    with pytest.raises(DefinitionError, match="wiat"):

        class Journey:
            @step(wiat=5)  # type: ignore[call-overload, untyped-decorator]
            def remind(self) -> None: ...


class TestAfter:
    def test_less_than_the_waits_before_it_add_up_to_is_an_error(self) -> None:
        class Journey:
            one = step(body, wait=timedelta(minutes=10))
            two = step(body, wait=timedelta(minutes=5))
            three = step(body, after=timedelta(minutes=10))

        with pytest.raises(
            DefinitionError,
            match=r"step 'three' has after=0:10:00, but the step before it is due 0:15:00 after the start",
        ):
            Steps.of(Journey)

    def test_less_than_the_after_before_it_is_an_error(self) -> None:
        class Journey:
            one = step(body, after=600)
            two = step(body, after=300)

        with pytest.raises(DefinitionError, match="'two' has after=0:05:00"):
            Steps.of(Journey)

    def test_that_is_just_enough_is_right(self) -> None:
        class Journey:
            one = step(body, wait=300)
            two = step(body, after=300)
            three = step(body, wait=300)
            four = step(body, after=600)

        assert len(Steps.of(Journey)) == 4

    def test_is_checked_in_the_final_order_not_in_that_of_the_text(self) -> None:
        class Right:
            late = step(body, after=600)
            early = step(body, after=300, before_step="late")

        class Wrong:
            early = step(body, after=300)
            late = step(body, after=600, before_step="early")

        assert Steps.of(Right).names == ("early", "late")
        with pytest.raises(DefinitionError, match="'early' has after"):
            Steps.of(Wrong)

    def test_callables_and_at_count_as_nothing(self) -> None:
        class Journey:
            one = step(body, wait=lambda journey: 10_000)
            two = step(body, after=lambda journey: 10_000)
            three = step(body, at=lambda journey: journey.time)
            four = step(body, after=0)

        assert len(Steps.of(Journey)) == 4

    def test_is_checked_in_subclasses_with_what_they_add(self) -> None:
        class Parent:
            one = step(body, wait=300)
            two = step(body, after=600)

        class Child(Parent):
            between = step(body, wait=600, after_step="one")

        Steps.of(Parent)
        with pytest.raises(DefinitionError, match="Child: step 'two' has after=0:10:00"):
            Steps.of(Child)
