"""The awaitable twins of everything that does I/O."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from asgiref.sync import sync_to_async

P = ParamSpec("P")
R = TypeVar("R")
Twin = TypeVar("Twin", bound=Callable[..., Any])


def asynchronous(method: Callable[P, R]) -> Callable[P, Coroutine[Any, Any, R]]:
    """Same as `method`, except that it is awaited and runs in Django's thread for database work."""

    @wraps(method)
    async def twin(*args: P.args, **kwargs: P.kwargs) -> R:
        return await sync_to_async(method)(*args, **kwargs)

    return _named(twin, method.__name__)


def asynchronous_verb(method: Callable[P, R]) -> Callable[P, Coroutine[Any, Any, R]]:
    """Same as `asynchronous`, except that inside its own step a verb does no I/O: it leaves the body."""

    @wraps(method)
    async def twin(*args: P.args, **kwargs: P.kwargs) -> R:
        if getattr(args[0], "_inside", None):
            return method(*args, **kwargs)
        return await sync_to_async(method)(*args, **kwargs)

    return _named(twin, method.__name__)


def _named(twin: Twin, name: str) -> Twin:
    twin.__name__ = f"a{name}"
    twin.__doc__ = f"Same as `{name}`, except that it is awaited."
    return twin
