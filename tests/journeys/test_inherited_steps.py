"""What a subclass makes of the steps of its bases."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from stepper_motor.journeys.errors import DefinitionError
from stepper_motor.journeys.steps import Steps, step
from tests.journeys.signup import Journey, Signup, found, send_mail


class TestASubclass:
    def test_has_the_inherited_steps_first_and_leaves_its_base_alone(self) -> None:
        class Child(Signup):
            @step
            def more(self) -> None: ...

        assert Steps.of(Child).names == ("welcome", "remind", "complete", "more")
        assert Steps.of(Signup).names == ("welcome", "remind", "complete")

    def test_that_overrides_a_method_plainly_gives_the_step_a_new_body_and_keeps_its_options(self) -> None:
        class Child(Signup):
            async def welcome(self) -> int:  # type: ignore[override]
                self.did.append("child")
                return super().welcome()

            def remind(self) -> str:  # type: ignore[override]
                return "child"

        child = Child()
        assert Steps.of(Child).names == ("welcome", "remind", "complete")
        assert asyncio.run(found(Child, "welcome").call(child)) == 1
        assert child.did == ["child", "welcome"]
        assert found(Child, "remind").call(child) == "child"
        assert found(Child, "remind").wait == timedelta(days=2)
        assert [each.is_async for each in Steps.of(Child)] == [True, False, False]

    def test_that_redefines_a_step_replaces_it_in_place(self) -> None:
        class Child(Signup):
            @step(wait=5)
            def welcome(self) -> int:
                return 2

        assert Steps.of(Child).names == ("welcome", "remind", "complete")
        assert found(Child, "welcome").wait == timedelta(seconds=5)
        assert found(Child, "welcome").call(Child()) == 2

    def test_that_redefines_a_step_by_its_name_replaces_it_in_place_too(self) -> None:
        class Child(Signup):
            greet = step(send_mail, name="welcome")

        assert Steps.of(Child).names == ("welcome", "remind", "complete")
        assert found(Child, "welcome").attribute == "greet"

    def test_may_give_a_redefined_step_another_name(self) -> None:
        class Child(Signup):
            @step(name="greet", formerly=("welcome",))
            def welcome(self) -> int:
                return 2

        assert Steps.of(Child).names == ("greet", "remind", "complete")

    def test_that_redefines_an_anchored_step_leaves_it_beside_its_anchor(self) -> None:
        class Parent(Journey):
            one = step(send_mail)
            two = step(send_mail)
            zero = step(send_mail, before_step="one")

        class Child(Parent):
            zero = step(send_mail, wait=5)

        class Mover(Parent):
            zero = step(send_mail, after_step="one")

        assert Steps.of(Child).names == ("zero", "one", "two")
        assert Steps.of(Mover).names == ("one", "zero", "two")

    def test_that_redefines_a_list_replaces_all_of_it_in_place(self) -> None:
        class Parent(Journey):
            one = step(send_mail)
            reminders = [step(send_mail, name="day 1"), step(send_mail, name="day 2")]
            end = step(send_mail)

        class Child(Parent):
            reminders = [step(send_mail, name="day 2"), step(send_mail, name="day 4"), step(send_mail, name="day 6")]

        class Quiet(Parent):
            reminders: list[Any] = []

        assert Steps.of(Child).names == ("one", "day 2", "day 4", "day 6", "end")
        assert Steps.of(Quiet).names == ("one", "end")

    def test_that_hides_a_list_by_something_else_is_an_error(self) -> None:
        class Parent(Journey):
            reminders = [step(send_mail)]

        class Child(Parent):
            def reminders(self) -> None: ...  # type: ignore[override]

        with pytest.raises(DefinitionError, match=r"Child\.reminders hides the inherited steps in the list"):
            Steps.of(Child)

    @pytest.mark.parametrize("hidden_by", [None, 5, property(lambda journey: 1), staticmethod(send_mail)])
    def test_that_takes_the_body_away_is_an_error(self, hidden_by: object) -> None:
        child = type("Child", (Signup,), {"welcome": hidden_by})
        with pytest.raises(DefinitionError, match=r"Child\.welcome is a step, and must be a method"):
            Steps.of(child)

    def test_that_overrides_a_method_by_one_that_needs_more_is_an_error(self) -> None:
        child = type("Child", (Signup,), {"welcome": lambda self, more: None})
        with pytest.raises(DefinitionError, match=r"the step Child\.welcome must take \(self\)"):
            Steps.of(child)

    def test_may_take_steps_from_a_mixin_that_is_no_journey(self) -> None:
        class Reminding:
            @step
            def remind(self) -> None: ...

        class Child(Reminding, Journey):
            @step
            def more(self) -> None: ...

        assert Steps.of(Child).names == ("remind", "more")

    def test_with_two_bases_takes_a_redefinition_from_the_one_that_python_asks_first(self) -> None:
        class Base(Journey):
            one = step(send_mail)
            two = step(send_mail)

        class Patience(Base):
            one = step(send_mail, wait=60)

        class Child(Patience, Base):
            three = step(send_mail)

        assert Steps.of(Child).names == ("one", "two", "three")
        assert found(Child, "one").wait == timedelta(minutes=1)
