"""The order of steps: that of the text, but for `before_step` and `after_step`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from stepper_motor.journeys.errors import DefinitionError
from stepper_motor.journeys.steps import Steps, step


def body(journey: Any) -> None: ...


def order(*bases: type, **options: Mapping[str, Any]) -> str:
    """The names of the steps of a class that declares these, as a text."""
    steps = {name: step(body, **told) for name, told in options.items()}
    return " ".join(Steps.of(type("Journey", bases, steps)).names)


def test_steps_stand_in_the_order_of_the_class_body() -> None:
    assert order(c={}, a={}, b={}) == "c a b"


def test_a_step_may_stand_before_another() -> None:
    assert order(a={}, b={}, x={"before_step": "b"}) == "a x b"
    assert order(a={}, b={}, x={"before_step": "a"}) == "x a b"


def test_a_step_may_stand_after_another() -> None:
    assert order(a={}, b={}, x={"after_step": "a"}) == "a x b"
    assert order(a={}, b={}, x={"after_step": "b"}) == "a b x"


def test_the_other_step_may_come_later_in_the_text() -> None:
    assert order(x={"after_step": "b"}, a={}, b={}, c={}) == "a b x c"
    assert order(x={"before_step": "c"}, a={}, b={}, c={}) == "a b x c"


def test_several_at_one_place_keep_their_written_order() -> None:
    assert order(a={}, x={"after_step": "a"}, y={"after_step": "a"}, b={}) == "a x y b"
    assert order(a={}, x={"before_step": "a"}, y={"before_step": "a"}, b={}) == "x y a b"
    assert order(x={"after_step": "a"}, a={}, y={"before_step": "a"}) == "y a x"


def test_several_insertions_combine() -> None:
    assert order(one={}, four={}, two={"after_step": "one"}, three={"before_step": "four"}) == "one two three four"


def test_a_step_may_stand_beside_one_that_stands_beside_another() -> None:
    assert order(first={}, third={"after_step": "first"}, second={"before_step": "third"}) == "first second third"
    assert order(z={"after_step": "y"}, y={"after_step": "x"}, x={"after_step": "a"}, a={}) == "a x y z"


def test_options_go_with_their_step() -> None:
    class Journey:
        first = step(body, wait=60)
        third = step(body, after_step="first")
        second = step(body, before_step="third", wait=120, on_exception="skip")

    steps = Steps.of(Journey)
    assert [each.plain_wait for each in steps] == [timedelta(minutes=1), timedelta(minutes=2), timedelta(0)]
    assert [each.on_exception is not None for each in steps] == [False, True, False]


def test_a_member_of_a_list_may_stand_elsewhere() -> None:
    class Journey:
        a = step(body)
        rest = [step(body, name="b"), step(body, name="first", before_step="a")]

    assert Steps.of(Journey).names == ("first", "a", "b")


def test_a_subclass_may_insert_before_after_and_amid_what_it_inherits() -> None:
    class Parent:
        parent_first = step(body)
        parent_last = step(body)

    assert (
        order(
            Parent,
            before={"before_step": "parent_first"},
            amid={"after_step": "parent_first"},
            after={"after_step": "parent_last"},
            end={},
        )
        == "before parent_first amid parent_last after end"
    )


def test_what_a_subclass_appends_comes_after_what_the_base_inserted() -> None:
    class Parent:
        a = step(body)
        x = step(body, after_step="a")

    assert order(Parent, b={}, y={"after_step": "a"}) == "a x y b"


@pytest.mark.parametrize("option", ["before_step", "after_step"])
def test_an_unknown_step_is_an_error_that_names_the_nearest(option: str) -> None:
    with pytest.raises(
        DefinitionError,
        match=rf"Journey: step 'x' has {option}='remnd', but there is no such step; did you mean 'remind'",
    ):
        order(remind={}, x={option: "remnd"})


def test_a_step_beside_itself_is_an_error() -> None:
    with pytest.raises(DefinitionError, match="step 'x' has before_step='x', which is itself"):
        order(a={}, x={"before_step": "x"})


def test_steps_that_lead_in_a_circle_are_an_error() -> None:
    with pytest.raises(DefinitionError, match="before_step and after_step lead in a circle: 'x', 'y'"):
        order(a={}, x={"before_step": "y"}, b={}, y={"after_step": "x"})


Anchored = dict[str, dict[str, str]]


@some.composite
def acyclic(draw: some.DrawFn) -> Anchored:
    """Up to ten steps, written in any order, each free or beside one that was drawn before it: no circle."""
    names = [f"step_{number}" for number in range(draw(some.integers(1, 10)))]
    drawn: Anchored = {}
    for position, name in enumerate(names):
        option = draw(some.sampled_from(["", "before_step", "after_step"])) if position else ""
        drawn[name] = {option: draw(some.sampled_from(names[:position]))} if option else {}
    return {name: drawn[name] for name in draw(some.permutations(names))}


def hangs_on(steps: Anchored, name: str, other: str) -> bool:
    while name != other and steps[name]:
        (name,) = steps[name].values()
    return name == other


@given(acyclic())
def test_whatever_stands_beside_what_each_step_is_there_once(steps: Anchored) -> None:
    assert sorted(order(**steps).split()) == sorted(steps)


@given(acyclic())
def test_whatever_stands_beside_what_free_steps_keep_the_order_of_the_text(steps: Anchored) -> None:
    ordered = order(**steps).split()
    assert [name for name in ordered if not steps[name]] == [name for name in steps if not steps[name]]


@given(acyclic())
def test_between_a_step_and_its_anchor_there_are_only_others_of_that_anchor(steps: Anchored) -> None:
    ordered = order(**steps).split()
    for name, told in steps.items():
        for option, anchor in told.items():
            here, there = ordered.index(name), ordered.index(anchor)
            assert here < there if option == "before_step" else here > there
            assert all(hangs_on(steps, each, anchor) for each in ordered[min(here, there) : max(here, there)])


@given(acyclic())
def test_those_at_the_same_side_of_one_anchor_keep_the_order_of_the_text(steps: Anchored) -> None:
    ordered = order(**steps).split()
    written = list(steps)
    for one in written:
        for other in written[written.index(one) + 1 :]:
            if steps[one] and steps[one] == steps[other]:
                assert ordered.index(one) < ordered.index(other)
