"""What a decorator can know of the class body that it stands in.

A class body is ordinary code, and Python is silent when a name in it is bound twice, or when `step(...)` stands in it
without being bound at all. A step must not get lost like that. So whatever is marked in a class body is noted in the
namespace of the class to be, and looked for when the class is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any, cast

from stepper_motor.journeys.callables import name_of, wrapper
from stepper_motor.journeys.errors import DefinitionError

_MARK = "__stepper_motor_mark__"
_NOTED = "__stepper_motor_noted__"


@dataclass(frozen=True, eq=False, kw_only=True)
class Mark:
    """What a decorator leaves on a method, or an object that stands in a class body in a method's place."""

    file: str
    line: int
    """Where in the code of the user it was made."""

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"


class ClassBody:
    """The class body that `frame` runs; if it runs a function or a module, nothing is noted."""

    def __init__(self, frame: FrameType) -> None:
        self.file = frame.f_code.co_filename
        self.line = frame.f_lineno
        self._namespace: dict[str, Any] | None = frame.f_locals if "__qualname__" in frame.f_locals else None

    def note(self, mark: Mark, name: str | None = None) -> None:
        """Has `check_nothing_lost` look for `mark`, which is going to be bound to `name`, if that is known."""
        if self._namespace is not None:
            self._namespace.setdefault(_NOTED, {})[mark] = name

    def forget(self, mark: Mark) -> None:
        if self._namespace is not None:
            self._namespace.get(_NOTED, {}).pop(mark, None)

    def put(self, mark: Mark, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Marks `function` if it is a method that this body is just defining, else a new function around it.

        What was defined elsewhere, or stands in the class already, must not become a step behind its author's back.
        """
        is_new = self._is_defining(function)
        if is_new and mark_of(function) is not None:
            raise DefinitionError(f"{name_of(function)}() is decorated twice: leave one of its decorators out")
        self.note(mark, name_of(function) if is_new else None)
        markable = function if is_new else wrapper(function)
        setattr(markable, _MARK, mark)
        return markable

    def _is_defining(self, function: Any) -> bool:
        if self._namespace is None or name_of(function) is None or not hasattr(function, "__qualname__"):
            return False
        name: str = function.__name__
        is_of_this_body = function.__qualname__ == f"{self._namespace['__qualname__']}.{name}"
        return is_of_this_body and self._namespace.get(name) is not function


def mark_of(value: object) -> Mark | None:
    """The mark on it, or the mark that it is."""
    if issubclass(type(value), Mark):  # not isinstance: that would wake up lazy objects of other libraries
        return cast(Mark, value)
    mark = getattr(value, "__dict__", {}).get(_MARK)  # not getattr: a Mock has every attribute
    return mark if isinstance(mark, Mark) else None


def marked(cls: type) -> Iterator[tuple[str, Any, Mark]]:
    """(attribute, value, mark) of all that is marked in the class's own body, members of lists too, as written."""
    for attribute, value in vars(cls).items():
        for member in _members(value) if attribute != _NOTED else ():
            mark = mark_of(member)
            if mark is not None:
                yield attribute, member, mark


def check_nothing_lost(cls: type) -> None:
    """Raises DefinitionError if something marked in the class's own body is not in the class, or is in it twice."""
    attributes: dict[Mark, str] = {}
    for attribute, _, mark in marked(cls):
        if mark in attributes:
            places = f"{cls.__name__}.{attributes[mark]} and {cls.__name__}.{attribute}"
            raise DefinitionError(f"{places} are one and the same: wrap the function once more, as in step(function)")
        attributes[mark] = attribute
    for mark, name in vars(cls).get(_NOTED, {}).items():
        if mark not in attributes:
            raise DefinitionError(f"{cls.__name__}: {_loss(mark, name)}")


def _loss(mark: Mark, name: str | None) -> str:
    if name is not None:
        why = "a later line uses the same name (two can't be called alike), or a decorator above it hides it"
        return f"the {name!r} that is at {mark.place} is gone: {why}"
    return f"what is at {mark.place} has no name, or a later line uses its name: write `anything = ...`"


def _members(value: object) -> Iterable[object]:
    return cast(Iterable[object], value) if issubclass(type(value), (list, tuple)) else (value,)
