"""What others see and do: on a connection of their own, in a thread of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from tests.home import on_its_own

T = TypeVar("T")
LIMIT = 20.0
"""Seconds a test waits for a thread."""


def elsewhere(function: Callable[[], T]) -> T:
    """What `function` gives in another thread, with a connection of its own; what it raises is raised here."""
    answers: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(on_its_own(function))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(LIMIT)
    assert not thread.is_alive(), "the other connection waits for something"
    if errors:
        raise errors[0]
    return answers[0]
