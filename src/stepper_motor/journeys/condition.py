"""Condition: what `skip_if`, `only_if` and `cancel_if` accept, and whether it holds.

A condition may have to wait for something async, and yet nothing here knows an event loop: `evaluate` is a generator
that yields each awaitable it meets and is sent its result. Who has no loop can refuse the awaitable.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from stepper_motor.journeys.callables import check_takes, is_generator
from stepper_motor.journeys.calling import call
from stepper_motor.journeys.errors import DefinitionError
from stepper_motor.journeys.spelling import did_you_mean

Evaluation = Generator[Awaitable[Any], Any, bool]


class Condition(ABC):
    """Something that holds for a journey, or does not."""

    __slots__ = ()

    @staticmethod
    def of(value: object, owner_hint: str) -> Condition:
        """Reads a condition as people write it.

        Args:
            value: a bool, None (false), the name of a method or property, a callable that takes the journey, a list
                or tuple (all must hold; an empty one holds), or a condition.
            owner_hint: how an error message begins: whose condition it is.

        Raises:
            DefinitionError: it is anything else.
        """
        if isinstance(value, Condition):
            return value
        if value is None or isinstance(value, bool):
            return Literal(bool(value))
        if isinstance(value, str):
            return Named(value)
        if isinstance(value, (list, tuple)):
            return AllOf(tuple(Condition.of(member, owner_hint) for member in value))
        return Called(_checked(value, owner_hint))

    @abstractmethod
    def evaluate(self, journey: Any) -> Evaluation:
        """Yields every awaitable it meets, is sent its result, and returns whether the condition holds."""

    @abstractmethod
    def names(self) -> Iterator[str]:
        """The attributes of the journey that it refers to."""

    def check(self, cls: type, where: str) -> None:
        """Raises DefinitionError if it refers to something that the class `cls` does not have."""
        for name in self.names():
            _check_name(name, cls, where)


ConditionLike = bool | str | Callable[[Any], object] | Sequence["ConditionLike"] | Condition | None
"""What `Condition.of` accepts."""


@dataclass(frozen=True, slots=True)
class Literal(Condition):
    holds: bool

    def evaluate(self, journey: Any) -> Evaluation:
        yield from ()
        return self.holds

    def names(self) -> Iterator[str]:
        return iter(())


@dataclass(frozen=True, slots=True)
class Named(Condition):
    name: str

    def __str__(self) -> str:
        return self.name

    def evaluate(self, journey: Any) -> Evaluation:
        return (yield from _truth(call(self._read, journey)))

    def names(self) -> Iterator[str]:
        yield self.name

    def _read(self, journey: Any) -> Any:
        value = getattr(journey, self.name)
        defined = inspect.getattr_static(type(journey), self.name, None)
        return value() if callable(value) and not isinstance(defined, (property, cached_property)) else value


@dataclass(frozen=True, slots=True)
class Called(Condition):
    function: Callable[[Any], object]

    def evaluate(self, journey: Any) -> Evaluation:
        return (yield from _truth(call(self.function, journey)))

    def names(self) -> Iterator[str]:
        return iter(())


@dataclass(frozen=True, slots=True)
class AllOf(Condition):
    parts: tuple[Condition, ...]

    def evaluate(self, journey: Any) -> Evaluation:
        for part in self.parts:
            if not (yield from part.evaluate(journey)):
                return False
        return True

    def names(self) -> Iterator[str]:
        for part in self.parts:
            yield from part.names()


@dataclass(frozen=True, slots=True)
class AnyOf(Condition):
    parts: tuple[Condition, ...]

    def evaluate(self, journey: Any) -> Evaluation:
        for part in self.parts:
            if (yield from part.evaluate(journey)):
                return True
        return False

    def names(self) -> Iterator[str]:
        for part in self.parts:
            yield from part.names()


@dataclass(frozen=True, slots=True)
class Not(Condition):
    part: Condition

    def evaluate(self, journey: Any) -> Evaluation:
        return not (yield from self.part.evaluate(journey))

    def names(self) -> Iterator[str]:
        return self.part.names()


@dataclass(frozen=True, slots=True)
class Titled(Condition):
    """A condition that people know by the attribute it was given to."""

    title: str
    part: Condition

    def __str__(self) -> str:
        return self.title

    def evaluate(self, journey: Any) -> Evaluation:
        return self.part.evaluate(journey)

    def names(self) -> Iterator[str]:
        return self.part.names()


def _truth(result: Any) -> Evaluation:
    if inspect.isawaitable(result):
        result = yield result
    return bool(result)


def _checked(value: object, where: str) -> Callable[[Any], object]:
    if isinstance(value, property):
        raise DefinitionError(f"{where} got a property: write its name, a string")
    if not callable(value):
        kinds = "a bool, None, the name of a method or property, a callable that takes the journey, or a list of these"
        raise DefinitionError(f"{where} must be {kinds}, got {value!r}")
    check_takes(value, "journey", where=where)
    if is_generator(value):
        raise DefinitionError(f"{where} yields, so that it would always hold: write a function that returns")
    return value


def _check_name(name: str, cls: type, where: str) -> None:
    value = inspect.getattr_static(cls, name, _MISSING)
    if value is _MISSING and not _is_annotated(name, cls):
        known = [each for each in dir(cls) if not each.startswith("__")]
        raise DefinitionError(f"{where}: {cls.__name__} has no method or property {name!r}{did_you_mean(name, known)}")
    if inspect.isfunction(value):
        check_takes(value, "self", where=f"{where}: {name}()")


def _is_annotated(name: str, cls: type) -> bool:
    """A column may be declared by its type alone, and come to be after the class."""
    return any(name in getattr(base, "__annotations__", ()) for base in cls.__mro__)


_MISSING = object()
