"""The one place where a thread of the library waits for a while."""

from __future__ import annotations

import threading


def pause_for(seconds: float) -> None:
    """Wait, in real time, whatever clock is installed."""
    threading.Event().wait(seconds)  # one of its own: another's lock may be held for ever in a process that was forked
