"""The steps of a class, found by name."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from stepper_motor.journeys.errors import DefinitionError
from stepper_motor.journeys.policies import Reattempt
from stepper_motor.journeys.steps import Steps, step
from tests.journeys.signup import Journey, Signup, found, send_mail


class TestSteps:
    steps = Steps.of(Signup)

    def test_are_a_sequence(self) -> None:
        assert len(self.steps) == 3
        assert [each.name for each in self.steps] == ["welcome", "remind", "complete"]
        assert [each.name for each in self.steps[1:]] == ["remind", "complete"]
        assert self.steps[0] is self.steps.first
        assert self.steps[-1] is self.steps.last
        assert repr(self.steps) == "<Steps welcome, remind, complete>"

    def test_without_any_have_no_first_and_no_last(self) -> None:
        empty = Steps.of(Journey)
        assert (len(empty), empty.first, empty.last, empty.names) == (0, None, None, ())

    def test_know_what_follows_and_what_precedes_by_step_and_by_name(self) -> None:
        welcome, remind, complete = self.steps
        assert self.steps.following(welcome) is self.steps.following("welcome") is remind
        assert self.steps.following("complete") is None
        assert self.steps.previous(complete) is self.steps.previous("complete") is remind
        assert self.steps.previous("welcome") is None

    def test_find_nothing_under_an_unknown_name(self) -> None:
        assert self.steps.find("unknown") is None
        assert self.steps.following("unknown") is None
        assert self.steps.previous("unknown") is None
        assert "unknown" not in self.steps  # type: ignore[comparison-overlap]

    def test_contain_steps_and_names(self) -> None:
        assert "remind" in self.steps  # type: ignore[comparison-overlap]
        assert self.steps[0] in self.steps
        assert None not in self.steps

    def test_find_a_step_of_another_class_by_its_name(self) -> None:
        child = Steps.of(type("Child", (Signup,), {}))
        assert child.following(self.steps[0]) is child[1]


class TestFormerly:
    class Renamed(Journey):
        one = step(send_mail)
        remind = step(send_mail, formerly=("nag", "bother"))
        end = step(send_mail)

    def test_old_rows_go_on_under_the_new_name(self) -> None:
        steps = Steps.of(self.Renamed)
        assert steps.find("nag") is steps.find("bother") is steps.find("remind")
        assert steps.following("nag") is steps.last
        assert steps.previous("bother") is steps.first
        assert "nag" in steps  # type: ignore[comparison-overlap]
        assert steps.names == ("one", "remind", "end")

    def test_the_oldest_name_is_the_first_one(self) -> None:
        assert [each.first_name for each in Steps.of(self.Renamed)] == ["one", "nag", "end"]

    def test_a_single_name_needs_no_tuple(self) -> None:
        class Renamed(Journey):
            remind = step(send_mail, formerly="nag")

        assert found(Renamed, "nag").name == "remind"

    def test_a_step_may_have_its_old_name_back(self) -> None:
        class Renamed(Journey):
            remind = step(send_mail, formerly=("remind", "nag"))

        assert found(Renamed, "nag").first_name == "remind"

    def test_an_anchor_may_be_a_former_name(self) -> None:
        class More(self.Renamed):  # type: ignore[name-defined, misc]
            more = step(send_mail, before_step="nag")

        assert Steps.of(More).names == ("one", "more", "remind", "end")

    @pytest.mark.parametrize("other", [{"name": "nag"}, {"formerly": ("nag",)}])
    def test_a_name_that_two_steps_have_or_had_is_an_error(self, other: Any) -> None:
        class Renamed(Journey):
            remind = step(send_mail, formerly=("nag",))
            clash = step(send_mail, **other)

        with pytest.raises(DefinitionError, match="two steps are or were called 'nag'"):
            Steps.of(Renamed)


def test_policies_of_a_step_are_readable() -> None:
    class Payment(Journey):
        @step(on_exception=Reattempt(max_attempts=5), if_lost="pause", timeout=30, atomic=True)
        def charge(self) -> None: ...

    charge = found(Payment, "charge")
    assert charge.on_exception is not None
    assert charge.on_exception.select(ValueError()) == Reattempt(max_attempts=5)
    assert (charge.if_lost, charge.timeout, charge.atomic) == ("pause", timedelta(seconds=30), True)


def test_a_condition_must_exist_on_the_class() -> None:
    class Payment(Journey):
        def is_active(self) -> bool:
            return True

        @step(skip_if=["is_activ"])
        def charge(self) -> None: ...

    with pytest.raises(
        DefinitionError,
        match=r"Payment: skip_if of step 'charge': Payment has no .* 'is_activ'; did you mean 'is_active'\?",
    ):
        Steps.of(Payment)
