"""A condition that can't be meant is an error when the class is defined."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from stepper_motor.journeys.conditions import Condition, all_of, any_of, not_
from stepper_motor.journeys.errors import DefinitionError


class Journey:
    opted_out = False
    annotated: bool

    def yes(self) -> bool:
        return True

    def _private(self) -> bool:
        return True

    def needs_more(self, more: int) -> bool:
        return True

    @property
    def active(self) -> bool:
        return True

    @functools.cached_property
    def inactive(self) -> bool:
        return False

    @staticmethod
    def is_weekend() -> bool:
        return True


class Checker:
    def __call__(self, journey: Journey) -> bool:
        return True


class TestErrorsAtDefinition:
    @pytest.mark.parametrize("value", [5, 0, 1.5, object(), {"yes"}, {"yes": True}, b"yes"])
    def test_anything_else_is_an_error_that_says_what_to_write(self, value: Any) -> None:
        with pytest.raises(DefinitionError, match=r"skip_if must be a bool, None, the name .* got"):
            Condition.of(value, "skip_if")

    def test_in_a_list_too(self) -> None:
        with pytest.raises(DefinitionError, match=r"skip_if must be .* got 5"):
            Condition.of([True, [5]], "skip_if")

    @pytest.mark.parametrize("combine", [any_of, all_of, not_])
    def test_in_a_combination_too(self, combine: Any) -> None:
        with pytest.raises(DefinitionError, match=rf"{combine.__name__}\(\) must be .* got 5"):
            combine(5)

    def test_a_property_is_to_be_named(self) -> None:
        with pytest.raises(DefinitionError, match="got a property: write its name, a string"):
            Condition.of(Journey.active, "skip_if")

    @pytest.mark.parametrize("value", [lambda: True, lambda journey, more: True])
    def test_a_callable_takes_the_journey_alone(self, value: Any) -> None:
        with pytest.raises(DefinitionError, match=r"skip_if must take \(journey\)"):
            Condition.of(value, "skip_if")

    def test_a_class_is_not_a_condition(self) -> None:
        with pytest.raises(DefinitionError, match="skip_if must be a function, got the class Checker"):
            Condition.of(Checker, "skip_if")

    def test_a_generator_would_always_hold(self) -> None:
        def asking(journey: Journey) -> Any:
            yield False

        with pytest.raises(DefinitionError, match="skip_if yields"):
            Condition.of(asking, "skip_if")


class TestCheck:
    def test_names_are_those_it_refers_to_at_any_depth(self) -> None:
        condition = Condition.of(["a", any_of("b", not_("c"), lambda journey: True), True], "skip_if")
        assert list(condition.names()) == ["a", "b", "c"]

    @pytest.mark.parametrize("name", ["yes", "_private", "active", "inactive", "opted_out", "annotated", "is_weekend"])
    def test_a_name_that_the_class_has_is_right(self, name: str) -> None:
        Condition.of(name, "skip_if").check(Journey, "Journey.remind")

    def test_a_name_that_it_has_not_is_an_error_that_names_the_nearest(self) -> None:
        with pytest.raises(
            DefinitionError, match=r"Journey.remind: Journey has no .* 'opted_uot'; did you mean 'opted_out'\?"
        ):
            Condition.of(not_(["yes", "opted_uot"]), "skip_if").check(Journey, "Journey.remind")

    def test_a_method_that_needs_more_than_the_journey_is_an_error(self) -> None:
        with pytest.raises(DefinitionError, match=r"needs_more\(\) must take \(self\)"):
            Condition.of("needs_more", "skip_if").check(Journey, "Journey.remind")
