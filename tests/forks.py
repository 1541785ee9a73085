"""A fork of the test's own process."""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Callable

LIMIT = 20
"""Seconds that a child may take."""


def is_right_in_a_fork(function: Callable[[], object]) -> bool:
    """Whether a child process that calls this gets something true, and in time."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it is told of the threads: they are what this is about
        child = os.fork()
    if not child:
        signal.alarm(LIMIT)
        is_right = False
        try:
            is_right = bool(function())
        finally:
            os._exit(0 if is_right else 1)
    _, status = os.waitpid(child, 0)
    return status == 0
