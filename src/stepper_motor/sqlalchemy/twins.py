"""The awaitable twins of everything that does I/O, for AsyncSession."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession, async_scoped_session
from sqlalchemy.orm import Session, scoped_session
from sqlalchemy.util import greenlet_spawn

from stepper_motor.sqlalchemy.bridge import in_greenlet

P = ParamSpec("P")
R = TypeVar("R")
Twin = TypeVar("Twin", bound=Callable[..., Any])


def asynchronous(method: Callable[P, R]) -> Callable[P, Coroutine[Any, Any, R]]:
    """Same as `method`, except that it is awaited."""

    @wraps(method)
    async def twin(*args: P.args, **kwargs: P.kwargs) -> R:
        return await greenlet_spawn(partial(method, *args, **kwargs))

    return _named(twin, method.__name__)


def asynchronous_verb(method: Callable[P, R]) -> Callable[P, Coroutine[Any, Any, R]]:
    """Same as `asynchronous`, except that inside its own step a verb does no I/O: it leaves the body."""

    @wraps(method)
    async def twin(*args: P.args, **kwargs: P.kwargs) -> R:
        if getattr(args[0], "_inside", None):
            return method(*args, **kwargs)
        return await greenlet_spawn(partial(method, *args, **kwargs))

    return _named(twin, method.__name__)


def _named(twin: Twin, name: str) -> Twin:
    twin.__name__ = f"a{name}"
    twin.__doc__ = f"Same as `{name}`, except that it is awaited and takes an AsyncSession where that takes a Session."
    return twin


async def awaited(method: Callable[..., R], session: Any, /, *args: Any, **options: Any) -> R:
    """Call a classmethod that takes a Session, with the one behind an AsyncSession.

    Raises:
        TypeError: it is no AsyncSession; the message says what to write with a Session.
    """
    if isinstance(session, async_scoped_session):
        session = session()
    if not isinstance(session, AsyncSession):
        cls: Any = getattr(method, "__self__", None)
        sync = f"{cls.__name__}.{method.__name__}(session, ...)"
        advice = (
            f"with a Session, write {sync}" if isinstance(session, Session | scoped_session) else f"got {session!r}"
        )
        raise TypeError(f"an AsyncSession is needed: {advice}")
    return await session.run_sync(lambda plain: method(plain, *args, **options))


def plain(session: Any, advice: str = "") -> Session:
    """The `Session` behind a scoped session or an AsyncSession.

    Raises:
        TypeError: it is none of these, or an AsyncSession where nothing is awaited (`advice` says what to write).
    """
    if isinstance(session, scoped_session):
        session = session()
    found = getattr(session, "sync_session", session)
    if not isinstance(found, Session):
        raise TypeError(f"a Session or an AsyncSession is needed, got {session!r}")
    if found is not session and advice and not in_greenlet():
        raise TypeError(f"with an AsyncSession, write {advice}")
    return found
