"""What others see and do: on a connection of their own, in a thread of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from django.db import connections

from tests.shop.models import Spy

T = TypeVar("T")
LIMIT = 20.0
"""Seconds a test waits for a thread."""


def elsewhere(function: Callable[[], T]) -> T:
    """What `function` gives in another thread, with a connection of its own; what it raises is raised here."""
    answers: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(function())
        except BaseException as error:
            errors.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(LIMIT)
    assert not thread.is_alive(), "the other connection waits for something"
    if errors:
        raise errors[0]
    return answers[0]


def tell(word: str) -> None:
    """Something that a step leaves in the database."""
    Spy.objects.create(word=word)


def words() -> list[str]:
    """What steps have left there, in order."""
    return list(Spy.objects.order_by("id").values_list("word", flat=True))
