"""Steps that Python would silently drop, or that could never run, are errors."""

from __future__ import annotations

from typing import Any

import pytest

from stepper_motor.journeys.errors import DefinitionError
from stepper_motor.journeys.steps import Steps, step
from tests.journeys.signup import Journey, Signup, send_mail


class TestTwoAlike:
    def test_methods_are_an_error_though_python_would_drop_the_first(self) -> None:
        class Signup(Journey):
            @step
            def remind(self) -> None: ...

            @step  # type: ignore[no-redef]
            def remind(self) -> None: ...

        with pytest.raises(
            DefinitionError, match=r"Signup: the 'remind' that is at .*test_lost_steps.py:\d+ is gone: a later line"
        ):
            Steps.of(Signup)

    def test_a_step_hidden_by_a_plain_method_is_an_error(self) -> None:
        class Signup(Journey):
            @step
            def remind(self) -> None: ...

            def remind(self) -> None: ...  # type: ignore[no-redef]

        with pytest.raises(DefinitionError, match=r"Signup: the 'remind' that is at .* is gone"):
            Steps.of(Signup)

    def test_names_are_an_error_that_points_at_both(self) -> None:
        class Signup(Journey):
            @step
            def remind(self) -> None: ...

            again = step(send_mail, name="remind")

        with pytest.raises(DefinitionError, match=r"two steps are called 'remind': see \S+:\d+ and \S+:\d+"):
            Steps.of(Signup)

    def test_a_repeated_step_may_clash_too(self) -> None:
        class Signup(Journey):
            remind_2 = step(send_mail)
            remind = step(send_mail, times=2)

        with pytest.raises(DefinitionError, match="two steps are called 'remind_2'"):
            Steps.of(Signup)

    def test_one_function_under_two_attributes_is_an_error(self) -> None:
        class Signup(Journey):
            @step
            def remind(self) -> None: ...

            nag = remind

        with pytest.raises(DefinitionError, match=r"Signup.remind and Signup.nag are one and the same"):
            Steps.of(Signup)


class TestAStepWithoutABody:
    def test_is_an_error(self) -> None:
        class Signup(Journey):
            remind = step(wait=5)

        with pytest.raises(DefinitionError, match=r"Signup.remind .* has no body: write step\(function"):
            Steps.of(Signup)

    @pytest.mark.parametrize("body", ["remind", 5, ["remind"]])
    def test_is_an_error_when_something_else_is_given(self, body: Any) -> None:
        with pytest.raises(DefinitionError, match="must be given a function that takes the journey, got"):
            step(body)

    def test_is_an_error_when_it_would_run_nothing(self) -> None:
        def body(journey: Any) -> Any:
            yield

        with pytest.raises(DefinitionError, match="yields"):
            step(body)

        with pytest.raises(DefinitionError, match=r"Child\.welcome yields"):
            Steps.of(type("Child", (Signup,), {"welcome": body}))

    @pytest.mark.parametrize("wrapper", [staticmethod, classmethod, property])
    def test_is_an_error_when_it_is_no_plain_method(self, wrapper: Any) -> None:
        with pytest.raises(DefinitionError, match=f"a step must be a plain method, got a {wrapper.__name__}"):
            step(wrapper(send_mail))

    def test_is_an_error_when_wrapped_into_a_static_method(self) -> None:
        class Signup(Journey):
            @staticmethod
            @step
            def remind(journey: Any) -> None: ...

        with pytest.raises(DefinitionError, match="Signup"):
            Steps.of(Signup)

    @pytest.mark.parametrize("body", [lambda: 1, lambda journey, more: 1])
    def test_is_an_error_when_it_does_not_take_the_journey_alone(self, body: Any) -> None:
        with pytest.raises(DefinitionError, match=r"the body of a step must take \(journey\)"):
            step(body)

    def test_is_an_error_when_it_is_a_class(self) -> None:
        with pytest.raises(DefinitionError, match="must be a function, got the class Signup"):
            step(Signup)  # type: ignore[type-var]

    def test_a_statement_that_binds_no_name_is_an_error_not_a_lost_step(self) -> None:
        class Signup(Journey):
            step(send_mail, name="remind")

        class Reminder(Journey):
            step(name="remind", wait=5)

        for cls in (Signup, Reminder):
            with pytest.raises(
                DefinitionError, match=f"{cls.__name__}: what is at .* has no name, .*: write `anything = "
            ):
                Steps.of(cls)

    def test_two_decorators_are_an_error(self) -> None:
        with pytest.raises(DefinitionError, match=r"remind\(\) is decorated twice"):

            class Signup(Journey):
                @step
                @step(wait=5)
                def remind(self) -> None: ...
