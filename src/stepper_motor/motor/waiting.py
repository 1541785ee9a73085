"""The one place where a thread of the library waits for a while."""

from __future__ import annotations

import threading

_never = threading.Event()


def pause_for(seconds: float) -> None:
    """Wait, in real time, whatever clock is installed."""
    _never.wait(seconds)
