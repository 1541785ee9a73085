"""The awaitable twins of the helpers that do I/O."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def asynchronous(helper: Callable[P, R]) -> Callable[P, Coroutine[Any, Any, R]]:
    """Same as `helper`, except that it is awaited and runs in Django's thread for database work."""

    @wraps(helper)
    async def twin(*args: P.args, **kwargs: P.kwargs) -> R:
        __tracebackhide__ = True
        from asgiref.sync import sync_to_async

        return await sync_to_async(helper)(*args, **kwargs)

    twin.__name__ = twin.__qualname__ = f"a{helper.__name__}"
    twin.__doc__ = f"Same as `{helper.__name__}`, except that it is awaited."
    return twin
