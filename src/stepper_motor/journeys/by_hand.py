"""A step's method called by hand: the body runs and its verbs raise, but nothing is performed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from stepper_motor.journeys.callables import is_async
from stepper_motor.journeys.step import Step

_MARK = "__stepper_motor_by_hand__"


class ByHand:
    """What a journey knows of a body that nobody performs."""

    remark: str | None = None
    fence: str | None = None
    holder: str | None = None

    def verb_raised(self) -> None:
        """No settlement follows that could tell of it."""


def let_be_called_by_hand(cls: Any, steps: Iterable[Step]) -> None:
    """Have the methods that the class's own body defines for its steps know when nobody performs them."""
    for each in steps:
        method = vars(cls).get(each.attribute or "")
        if inspect.isfunction(method) and not hasattr(method, _MARK):
            setattr(cls, str(each.attribute), _inside_its_step(method))


def _inside_its_step(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self._inside:
            return method(self, *args, **kwargs)
        with _by_hand(self):
            return method(self, *args, **kwargs)

    @wraps(method)
    async def run_async(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self._inside:
            return await method(self, *args, **kwargs)
        with _by_hand(self):
            return await method(self, *args, **kwargs)

    either = run_async if is_async(method) else run
    setattr(either, _MARK, True)
    return either


@contextmanager
def _by_hand(journey: Any) -> Iterator[None]:
    journey._inside = ByHand()
    try:
        yield
    finally:
        journey._inside = None
