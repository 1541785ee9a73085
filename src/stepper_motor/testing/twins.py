"""The awaitable twins of the helpers that do I/O."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def asynchronous(helper: Callable[P, R]) -> Callable[P, Coroutine[Any, Any, R]]:
    """Same as `helper`, except that it is awaited, and asks the database where the home of its journeys can."""

    @wraps(helper)
    async def twin(*args: P.args, **kwargs: P.kwargs) -> R:
        __tracebackhide__ = True
        wait_for = _way_to_wait(*args, **kwargs)
        result: R = await wait_for(partial(helper, *args, **kwargs))
        return result

    twin.__name__ = twin.__qualname__ = f"a{helper.__name__}"
    twin.__doc__ = f"Same as `{helper.__name__}`, except that it is awaited."
    return twin


def _way_to_wait(*args: Any, **kwargs: Any) -> Callable[[Callable[[], Any]], Awaitable[Any]]:
    """In SQLAlchemy's greenlet, where an async driver can be awaited; in Django's thread; or in one of its own."""
    if any(_is_of_sqlalchemy(each) for each in (*args, *kwargs.values())):
        from sqlalchemy.util import greenlet_spawn

        return greenlet_spawn
    if "django" in sys.modules:
        from asgiref.sync import sync_to_async

        return lambda call: sync_to_async(call)()
    from asyncio import to_thread

    return to_thread


def _is_of_sqlalchemy(given: Any) -> bool:
    """Whether it is a journey in that home, or a motor that moves some."""
    if "stepper_motor.sqlalchemy" not in sys.modules:
        return False
    from stepper_motor.motor.motor import Motor
    from stepper_motor.sqlalchemy import JourneyMixin
    from stepper_motor.sqlalchemy.store import SqlAlchemyStore

    if isinstance(given, Motor):
        return any(isinstance(store, SqlAlchemyStore) for store in given.stores)
    return isinstance(given, JourneyMixin)
