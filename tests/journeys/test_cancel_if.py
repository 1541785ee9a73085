"""`cancel_if`: a decorator, or a line of the class body; several: any of them cancels."""

from __future__ import annotations

from typing import Any, assert_type

import pytest

from stepper_motor.journeys.conditions import CancelIf, any_of, cancel_conditions, cancel_if
from stepper_motor.journeys.errors import DefinitionError
from stepper_motor.journeys.steps import Steps, step


class Journey:
    gone = False

    def has_left(self) -> bool:
        return self.gone


def is_gone(journey: Any) -> bool:
    return bool(journey.gone)


def truths(cls: type, **attributes: Any) -> list[bool]:
    """What each of the conditions of the class says of a journey with these attributes."""
    journey = cls()
    vars(journey).update(attributes)
    return [truth(condition.evaluate(journey)) for condition in cancel_conditions(cls)]


def truth(evaluation: Any) -> bool:
    with pytest.raises(StopIteration) as end:
        next(evaluation)
    return bool(end.value.value)


class TestADecoratedMethod:
    class Signup(Journey):
        @cancel_if
        def hero_left(self) -> bool:
            return self.gone

    def test_is_a_condition(self) -> None:
        assert truths(self.Signup) == [False]
        assert truths(self.Signup, gone=True) == [True]

    def test_stays_an_ordinary_method_of_its_type(self) -> None:
        assert assert_type(self.Signup().hero_left(), bool) is False

    def test_is_inherited_and_its_body_may_be_overridden(self) -> None:
        class Child(self.Signup):  # type: ignore[name-defined, misc]
            def hero_left(self) -> bool:
                return not super().hero_left()

        assert truths(Child) == [True]

    def test_may_be_switched_off_by_a_subclass(self) -> None:
        child = type("Child", (self.Signup,), {"hero_left": False})
        assert truths(child, gone=True) == [False]

    def test_may_be_async(self) -> None:
        class Signup(Journey):
            @cancel_if
            async def hero_left(self) -> bool:
                return True

        (condition,) = cancel_conditions(Signup)
        evaluation = condition.evaluate(Signup())
        next(evaluation).close()  # type: ignore[attr-defined]
        with pytest.raises(StopIteration):
            evaluation.send(True)

    def test_takes_nothing_but_the_journey(self) -> None:
        with pytest.raises(DefinitionError, match=r"cancel_if\(\) must take \(journey\)"):

            class Signup(Journey):
                @cancel_if  # type: ignore[type-var]
                def hero_left(self, why: str) -> bool:
                    return True

    def test_can_be_no_step_at_the_same_time(self) -> None:
        with pytest.raises(DefinitionError, match=r"hero_left\(\) is decorated twice"):

            class Signup(Journey):
                @cancel_if
                @step
                def hero_left(self) -> bool:
                    return True


class TestALineOfTheClassBody:
    @pytest.mark.parametrize(
        ("condition", "cancels"),
        [
            (True, True),
            (False, False),
            (None, False),
            ("has_left", True),
            ("gone", True),
            (lambda journey: journey.gone, True),
            (is_gone, True),
            ([], True),
            (["has_left", True], True),
            (["has_left", False], False),
            (any_of("has_left", False), True),
        ],
    )
    def test_takes_every_kind_of_condition(self, condition: Any, cancels: bool) -> None:
        class Signup(Journey):
            anything = cancel_if(condition)

        assert truths(Signup, gone=True) == [cancels]

    def test_gives_a_method_for_a_function_which_is_not_touched_itself(self) -> None:
        class Signup(Journey):
            left = cancel_if(is_gone)

        class Other(Journey):
            helper = is_gone

        assert Signup().left() is False
        assert cancel_conditions(Other) == ()

    def test_gives_something_for_the_type_checker(self) -> None:
        assert_type(cancel_if("has_left"), CancelIf)
        assert_type(cancel_if(is_gone)(Journey()), bool)

    @pytest.mark.parametrize("condition", [5, object(), lambda: True])
    def test_takes_nothing_else(self, condition: Any) -> None:
        with pytest.raises(DefinitionError, match=r"cancel_if\(\) must"):
            cancel_if(condition)

    def test_that_binds_no_name_is_an_error_not_a_lost_condition(self) -> None:
        class Signup(Journey):
            cancel_if("has_left")

        with pytest.raises(DefinitionError, match=r"Signup: what is at .*test_cancel_if.py:\d+ has no name"):
            Steps.of(Signup)

    def test_in_a_list_is_an_error(self) -> None:
        class Signup(Journey):
            conditions = [cancel_if("has_left")]

        with pytest.raises(DefinitionError, match=r"Signup.conditions: cancel_if\(\) in a list"):
            cancel_conditions(Signup)

    def test_names_what_must_exist_on_the_class(self) -> None:
        class Signup(Journey):
            anything = cancel_if("has_lft")

        with pytest.raises(
            DefinitionError,
            match=r"Signup.anything: cancel_if\(\): Signup has no .* 'has_lft'; did you mean 'has_left'",
        ):
            cancel_conditions(Signup)

    def test_without_a_condition_is_an_error(self) -> None:
        with pytest.raises(TypeError):
            cancel_if()  # type: ignore[call-overload]


class TestSeveral:
    class Parent(Journey):
        one = cancel_if(False)
        two = cancel_if(True)

    def test_are_all_asked_in_the_order_of_the_text(self) -> None:
        assert truths(self.Parent) == [False, True]

    def test_are_inherited_and_a_subclass_adds_its_own_after_them(self) -> None:
        class Child(self.Parent):  # type: ignore[name-defined, misc]
            three = cancel_if(False)

        assert truths(Child) == [False, True, False]
        assert truths(self.Parent) == [False, True]

    def test_a_subclass_that_redefines_one_replaces_it(self) -> None:
        class Child(self.Parent):  # type: ignore[name-defined, misc]
            one = cancel_if("has_left")

            @cancel_if
            def two(self) -> bool:
                return False

        assert truths(Child, gone=True) == [True, False]

    def test_there_may_be_none(self) -> None:
        assert cancel_conditions(Journey) == ()
