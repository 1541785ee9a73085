"""What `skip_if`, `only_if` and `cancel_if` accept, and what holds."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Generator
from typing import Any, cast
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as some

from stepper_motor.journeys.conditions import Condition, ConditionLike, all_of, any_of, not_


class Journey:
    opted_out = False

    def __init__(self) -> None:
        self.asked: list[str] = []

    def yes(self) -> bool:
        self.asked.append("yes")
        return True

    def no(self) -> bool:
        self.asked.append("no")
        return False

    def _private(self) -> str:
        return "truthy"

    def nothing(self) -> None: ...

    async def later(self) -> int:
        await asyncio.sleep(0)
        return 1

    async def never(self) -> list[int]:
        return []

    @property
    def active(self) -> bool:
        return True

    @functools.cached_property
    def inactive(self) -> bool:
        return False

    @property
    def callback(self) -> Any:
        return lambda: False

    @staticmethod
    def is_weekend() -> bool:
        return True


async def awaited(evaluation: Generator[Any, Any, bool]) -> bool:
    """What the caller of `evaluate` does: send each awaitable's result."""
    result = None
    while True:
        try:
            awaitable = evaluation.send(result)
        except StopIteration as end:
            return cast(bool, end.value)
        result = await awaitable


def holds(value: Any, journey: Journey | None = None) -> bool:
    return asyncio.run(awaited(Condition.of(value, "skip_if").evaluate(journey or Journey())))


class Checker:
    def __call__(self, journey: Journey) -> bool:
        return journey.yes()


async def checks_later(journey: Journey) -> bool:
    return bool(await journey.later())


class TestWhatHolds:
    @pytest.mark.parametrize(("value", "result"), [(True, True), (False, False), (None, False)])
    def test_a_literal_as_it_says_and_none_is_false(self, value: bool | None, result: bool) -> None:
        assert holds(value) is result
        assert holds(not_(value)) is not result

    @pytest.mark.parametrize(
        ("name", "result"),
        [("yes", True), ("no", False), ("_private", True), ("nothing", False), ("later", True), ("never", False)],
    )
    def test_the_name_of_a_method_by_the_truth_of_its_result(self, name: str, result: bool) -> None:
        assert holds(name) is result
        assert holds(not_(name)) is not result

    @pytest.mark.parametrize(
        ("name", "result"), [("active", True), ("inactive", False), ("opted_out", False), ("is_weekend", True)]
    )
    def test_the_name_of_a_property_or_attribute_is_read(self, name: str, result: bool) -> None:
        assert holds(name) is result

    def test_what_a_property_gives_is_not_called(self) -> None:
        assert holds("callback")

    def test_a_method_that_a_test_has_patched_is_called(self) -> None:
        with patch.object(Journey, "yes", return_value=False):
            assert not holds("yes")

    @pytest.mark.parametrize(
        "value",
        [
            lambda journey: journey.yes(),
            lambda journey: "truthy",
            Journey.yes,
            functools.partial(lambda wanted, journey: journey.yes() is wanted, True),
            Checker(),
            checks_later,
            lambda journey: journey.later(),
        ],
    )
    def test_a_callable_by_the_truth_of_its_result_and_async_ones_are_awaited(self, value: Any) -> None:
        assert holds(value) is True
        assert holds(not_(value)) is False

    @pytest.mark.parametrize("value", [lambda journey: None, lambda journey: 0, lambda journey: journey.never()])
    def test_a_callable_that_gives_nothing_does_not(self, value: Any) -> None:
        assert holds(value) is False

    @pytest.mark.parametrize(
        ("value", "result"),
        [
            ([], True),
            ((), True),
            ([True, True], True),
            ([True, False], False),
            ([False, False], False),
            (("yes", lambda journey: True, "later"), True),
            (("yes", ["yes", ["never"]]), False),
        ],
    )
    def test_a_list_if_all_of_it_holds(self, value: Any, result: bool) -> None:
        assert holds(value) is result
        assert holds(not_(value)) is not result

    def test_a_condition_inside_another(self) -> None:
        assert holds(Condition.of("yes", "skip_if"))
        assert holds(not_(not_("yes")))
        assert not holds(not_(all_of("yes", True)))

    def test_any_of_if_one_holds_and_without_any_it_does_not(self) -> None:
        assert holds(any_of("no", "later"))
        assert not holds(any_of("no", "never", None))
        assert not holds(any_of())

    def test_all_of_if_every_one_holds_and_without_any_it_does(self) -> None:
        assert holds(all_of("yes", "later"))
        assert not holds(all_of("yes", "never"))
        assert holds(all_of())

    def test_nothing_more_is_asked_once_it_is_clear(self) -> None:
        journey = Journey()
        holds(["yes", "no", "yes"], journey)
        holds(any_of("no", "yes", "no"), journey)
        assert journey.asked == ["yes", "no", "no", "yes"]


Truth = some.recursive(
    some.booleans(),
    lambda inner: some.tuples(some.sampled_from(["all", "any", "not"]), some.lists(inner, min_size=1, max_size=3)),
    max_leaves=12,
)


def condition_of(tree: Any) -> ConditionLike:
    if isinstance(tree, bool):
        return "later" if tree else "never"
    kind, members = tree
    conditions = [condition_of(member) for member in members]
    return {"all": all_of, "any": any_of, "not": lambda first, *rest: not_(first)}[kind](*conditions)


def truth_of(tree: Any) -> bool:
    if isinstance(tree, bool):
        return tree
    kind, members = tree
    truths = [truth_of(member) for member in members]
    return {"all": all(truths), "any": any(truths), "not": not truths[0]}[kind]


@given(Truth)
def test_conditions_of_any_depth_follow_logic_though_every_part_is_awaited(tree: Any) -> None:
    assert holds(condition_of(tree)) is truth_of(tree)


class TestEvaluate:
    def test_yields_nothing_when_nothing_is_async(self) -> None:
        evaluation = Condition.of([True, "yes", lambda journey: True], "skip_if").evaluate(Journey())
        with pytest.raises(StopIteration) as end:
            next(evaluation)
        assert end.value.value is True

    def test_yields_each_awaitable_once_and_no_loop_is_needed(self) -> None:
        evaluation = Condition.of(["later", "never"], "skip_if").evaluate(Journey())
        next(evaluation).close()  # type: ignore[attr-defined]
        evaluation.send("truthy").close()  # type: ignore[attr-defined]
        with pytest.raises(StopIteration) as end:
            evaluation.send(0)
        assert end.value.value is False

    def test_lets_through_what_a_condition_raises(self) -> None:
        def raising(journey: Journey) -> bool:
            raise LookupError("no such hero")

        with pytest.raises(LookupError, match="no such hero"):
            holds([True, raising])

    def test_lets_through_what_an_awaitable_raises(self) -> None:
        async def raising(journey: Journey) -> bool:
            raise LookupError("no such hero")

        with pytest.raises(LookupError, match="no such hero"):
            holds(any_of(False, raising))
