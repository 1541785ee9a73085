"""The threads of a worker."""

from __future__ import annotations

import threading
from collections.abc import Callable


def started(target: Callable[[], object], name: str) -> threading.Thread:
    """A thread that was just started. It is no reason to keep the process alive."""
    thread = threading.Thread(target=target, name=f"stepper_motor {name}", daemon=True)
    thread.start()
    return thread
