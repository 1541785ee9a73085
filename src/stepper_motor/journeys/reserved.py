"""Names that a journey class must not use for what it defines, because they mean something already."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import cached_property

from stepper_motor.journeys.class_body import marked
from stepper_motor.journeys.declarations import Declaration
from stepper_motor.journeys.errors import DefinitionError


def check_names(
    cls: type, reserved: Mapping[str, str] | Iterable[str], *, allowed: Collection[str] = frozenset()
) -> None:
    """Raises DefinitionError if a step, condition, method or property of the class's own body hides a reserved name.

    Args:
        reserved: names; a mapping also says what each is, as in {"delete": "Model.delete"}.
        allowed: names that may be defined though they are reserved: hooks, settings. Names like `__str__` always may.
    """
    meanings = reserved if isinstance(reserved, Mapping) else {name: f"{name} of the journey" for name in reserved}
    marks = {attribute: mark for attribute, _, mark in marked(cls)}
    for attribute, value in vars(cls).items():
        if attribute in meanings and attribute not in allowed and (attribute in marks or _is_helper(attribute, value)):
            is_step = isinstance(marks.get(attribute), Declaration)
            named = f", and keep the name of the step by name={attribute!r}" if is_step else ""
            raise DefinitionError(f"{cls.__name__}.{attribute} hides {meanings[attribute]}: call it otherwise{named}")


def _is_helper(attribute: str, value: object) -> bool:
    if (attribute.startswith("__") and attribute.endswith("__")) or isinstance(value, type):
        return False
    return callable(value) or isinstance(value, (property, cached_property, staticmethod, classmethod))
