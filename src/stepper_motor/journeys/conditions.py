"""Conditions: how they are combined, and `cancel_if`, the conditions under which a whole journey is over."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from stepper_motor.journeys.class_body import ClassBody, Mark, mark_of, marked
from stepper_motor.journeys.condition import AllOf, AnyOf, Condition, ConditionLike, Not, Titled
from stepper_motor.journeys.errors import DefinitionError

__all__ = ["CancelIf", "Condition", "ConditionLike", "all_of", "any_of", "cancel_conditions", "cancel_if", "not_"]

Method = TypeVar("Method", bound=Callable[[Any], Any])


def any_of(*conditions: ConditionLike) -> Condition:
    """Holds if one of the conditions holds; they are tried in this order. Without conditions it never holds."""
    return AnyOf(tuple(Condition.of(each, "any_of()") for each in conditions))


def all_of(*conditions: ConditionLike) -> Condition:
    """Holds if all of the conditions hold; they are tried in this order. Without conditions it holds."""
    return AllOf(tuple(Condition.of(each, "all_of()") for each in conditions))


def not_(condition: ConditionLike) -> Condition:
    """Holds if the condition does not."""
    return Not(Condition.of(condition, "not_()"))


@dataclass(frozen=True, eq=False, kw_only=True)
class CancelIf(Mark):
    """What `anything = cancel_if(condition)` puts into the class; and the mark on a decorated method."""

    condition: Condition | None
    """None on a decorated method: the method is the condition, even where a subclass overrides it."""


@overload
def cancel_if(condition: Method, /) -> Method: ...
@overload
def cancel_if(condition: bool | str | Sequence[ConditionLike] | Condition | None, /) -> CancelIf: ...
def cancel_if(condition: Any, /) -> Any:
    """Cancels the journey instead of performing a step if `condition` holds then.

    A decorator for a method, or `anything = cancel_if(condition)` in the class body. Of several, any one cancels.

    Raises:
        DefinitionError: `condition` is nothing that `Condition.of` accepts.
    """
    body = ClassBody(sys._getframe(1))
    read = Condition.of(condition, "cancel_if()")
    mark = CancelIf(file=body.file, line=body.line, condition=None if callable(condition) else read)
    if callable(condition):
        return body.put(mark, condition)
    body.note(mark)
    return mark


def cancel_conditions(cls: type) -> tuple[Condition, ...]:
    """What cancels a journey of this class: what its bases say first, then its own.

    Raises:
        DefinitionError: a condition refers to what the class does not have.
    """
    attributes = {
        attribute: None
        for base in reversed(cls.__mro__)
        for attribute, value, mark in marked(base)
        if isinstance(mark, CancelIf) and _is_bound(base, attribute, value)
    }
    return tuple(_condition(cls, attribute) for attribute in attributes)


def _is_bound(base: type, attribute: str, value: object) -> bool:
    if vars(base)[attribute] is value:
        return True
    raise DefinitionError(f"{base.__name__}.{attribute}: cancel_if() in a list: write `anything = cancel_if([...])`")


def _condition(cls: type, attribute: str) -> Condition:
    """By the attribute as this class has it now: a subclass may have overridden it."""
    current = next(vars(base)[attribute] for base in cls.__mro__ if attribute in vars(base))
    mark, where = mark_of(current), f"{cls.__name__}.{attribute}: cancel_if()"
    given = mark.condition if isinstance(mark, CancelIf) else None
    condition = Titled(attribute, given) if given else Condition.of(attribute, where)
    condition.check(cls, where)
    return condition
