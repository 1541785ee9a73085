"""A step, condition or helper that hides what a journey has already is an error that points at `name=`."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from stepper_motor.journeys.conditions import cancel_if
from stepper_motor.journeys.errors import DefinitionError
from stepper_motor.journeys.reserved import check_names
from stepper_motor.journeys.steps import Steps, step

RESERVED = {"delete": "Model.delete", "data": "Journey.data", "on_exception": "Journey.on_exception"}


def body(journey: Any) -> None: ...


def check(**attributes: Any) -> None:
    check_names(type("Erasure", (), attributes), RESERVED, allowed={"on_exception"})


def test_a_step_points_at_its_name() -> None:
    class Erasure:
        @step
        def delete(self) -> None: ...

    with pytest.raises(
        DefinitionError,
        match=r"Erasure\.delete hides Model.delete: call it otherwise, and keep the name of the step by name='delete'",
    ):
        check_names(Erasure, RESERVED)


def test_and_that_is_the_way_out() -> None:
    class Erasure:
        @step(name="delete")
        def delete_data(self) -> None: ...

    check_names(Erasure, RESERVED)
    assert Steps.of(Erasure).names == ("delete",)


@pytest.mark.parametrize(
    "helper",
    [
        body,
        lambda self: 1,
        property(body),
        functools.cached_property(body),
        staticmethod(body),
        classmethod(body),
        cancel_if(True),
        cancel_if(body),
        [step(body)],
    ],
)
def test_helpers_and_conditions_too(helper: Any) -> None:
    with pytest.raises(DefinitionError, match=r"Erasure\.delete hides Model.delete: call it otherwise"):
        check(delete=helper)


def test_hooks_and_settings_are_allowed() -> None:
    check(on_exception=lambda self, error: None)


def test_so_are_names_that_mean_nothing_yet_and_inherited_ones() -> None:
    check(remove=body)
    check_names(type("Child", (type("Parent", (), {"delete": body}),), {}), RESERVED)


def test_so_are_special_methods_and_classes() -> None:
    check_names(type("Erasure", (), {"__str__": body, "Meta": type("Meta", (), {})}), ["__str__", "Meta"])


def test_names_alone_will_do() -> None:
    with pytest.raises(DefinitionError, match=r"Erasure.delete hides delete of the journey"):
        check_names(type("Erasure", (), {"delete": body}), ["delete"])
