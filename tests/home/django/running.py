"""The way from sync tests to async code, and what a test runs in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from asgiref.sync import async_to_sync, sync_to_async
from django.apps import apps
from django.db import connections
from django.test import override_settings

from stepper_motor.django.metaclass import roots

T = TypeVar("T")


@async_to_sync
async def run(coroutine: Any) -> Any:
    """Await it; its calls to the ORM come back to the thread of the test, and to its transaction."""
    return await coroutine


def run_anew(coroutine: Any) -> Any:
    """Await it on an event loop that knows nothing of the test's thread and transaction."""

    async def story() -> Any:
        try:
            return await coroutine
        finally:
            await sync_to_async(connections.close_all)()

    return asyncio.run(story())


async def in_thread(function: Callable[[], T], *, inside: Any = None) -> T:
    """From async code: call sync code that asks the database."""
    return await sync_to_async(function)()


def spawned(function: Callable[[], T]) -> T:
    """Call sync code where it can ask the database."""
    return function()


@contextmanager
def database() -> Iterator[None]:
    """The database of a run: pytest-django makes it."""
    yield


@contextmanager
def a_test(*, rolled_back: bool) -> Iterator[None]:
    """What a test is in: pytest-django sees to it."""
    yield


@contextmanager
def configured(**settings: Any) -> Iterator[None]:
    """The motor with other settings."""
    with override_settings(STEPPER_MOTOR={name.upper(): value for name, value in settings.items()}):
        yield


def forget_journeys_of_a_test() -> None:
    """Classes that a test defines for itself go with it: their names may come again, in any module."""
    for root in roots:
        for cls in list(root.registry):
            if "<locals>" in cls.__qualname__:
                forget(cls)


def forget(cls: Any) -> None:
    """The class goes, and its type is not known any more."""
    cls.registry.remove(cls)
    apps.all_models[cls._meta.app_label].pop(cls._meta.model_name, None)
