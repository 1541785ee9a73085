"""Which thread, and so which connection, the ORM calls of an async step use.

Left alone, asgiref sends the ORM calls of all coroutines of a loop through one thread: one slow query would hold up
hundreds of steps. Each step is given one of a few threads instead, so there are a few connections, not hundreds.
"""

from __future__ import annotations

from collections.abc import Awaitable
from itertools import cycle
from typing import Any

from asgiref.sync import SyncToAsync, ThreadSensitiveContext

THREADS = 8
_contexts = cycle([ThreadSensitiveContext() for _ in range(THREADS)])


async def in_a_thread_of_its_own(awaitable: Awaitable[Any]) -> Any:
    """Await it; its calls to the ORM go to one thread, which it shares with an eighth of the others."""
    SyncToAsync.thread_sensitive_context.set(next(_contexts))
    return await awaitable
