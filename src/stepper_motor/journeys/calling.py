"""Calling the app's code from within a generator.

Conditions and performances are generators, and a generator takes two exceptions for signals of its own: StopIteration
(Python turns it into a RuntimeError) and GeneratorExit (which tells a generator to end). A body may raise either. So
they are carried through in an envelope, and taken out where exceptions become outcomes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
SIGNALS = (StopIteration, GeneratorExit)


class Envelope(Exception):
    """Carries an exception of the app's that a generator would mistake for a signal."""

    def __init__(self, error: BaseException) -> None:
        self.error = error
        super().__init__(error)


def call(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """What `function` returns; a signal that it raises comes in an envelope."""
    try:
        return function(*args, **kwargs)
    except SIGNALS as error:
        raise Envelope(error) from None


def enveloped(error: BaseException) -> BaseException:
    """The exception as it may be thrown into a generator."""
    return Envelope(error) if isinstance(error, SIGNALS) else error


def opened(error: BaseException) -> Any:
    """The exception as the app raised it."""
    return error.error if isinstance(error, Envelope) else error
