"""What the library asks of a function that it is handed, and how it wraps one."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from stepper_motor.journeys.errors import DefinitionError


def check_takes(function: Callable[..., Any], *arguments: str, where: str) -> None:
    """Raises DefinitionError unless `function` can be called with exactly these positional arguments."""
    if isinstance(function, type):
        raise DefinitionError(f"{where} must be a function, got the class {function.__name__}")
    try:
        inspect.signature(function).bind(*arguments)
    except (ValueError, NameError):  # a builtin has no signature; an annotation may name what only type checkers import
        pass
    except TypeError:
        message = f"{where} must take ({', '.join(arguments)}), but {shown(function)} can't be called like that"
        raise DefinitionError(message) from None


def is_async(function: Callable[..., Any]) -> bool:
    """Whether calling it gives a coroutine."""
    return any(inspect.iscoroutinefunction(each) for each in _faces(function))


def is_generator(function: Callable[..., Any]) -> bool:
    """Whether calling it runs nothing, because its body yields."""
    return any(inspect.isgeneratorfunction(each) or inspect.isasyncgenfunction(each) for each in _faces(function))


def name_of(function: object) -> str | None:
    """The name that a function was defined with; None for a lambda and for an object with `__call__`."""
    if isinstance(function, partial):
        return name_of(function.func)
    name = getattr(function, "__name__", None)
    return name if isinstance(name, str) and name.isidentifier() else None


def shown(function: object) -> str:
    """How an error message calls it."""
    return f"{name_of(function)}()" if name_of(function) else repr(function)


def wrapper(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A new function, async if `function` is, that hands its one argument on to it."""

    @wraps(function, updated=())
    def call(journey: Any) -> Any:
        return function(journey)

    @wraps(function, updated=())
    async def call_async(journey: Any) -> Any:
        return await function(journey)

    return call_async if is_async(function) else call


def _faces(function: Any) -> tuple[Any, Any]:
    """Itself, and what runs when it is an object that can be called."""
    return function, function.__call__
