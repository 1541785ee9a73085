"""What a forked process does first.

It has no threads but the one that forked, and its parent goes on with the connections, leases and random numbers that
it was given copies of.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from threading import get_ident
from typing import TypeVar
from weakref import WeakSet

T = TypeVar("T")


class KnowsForks:
    """What has threads, or what belongs to them, and begins anew in a fork of its process."""

    def begin_anew(self) -> None:
        """Forget all that was made in the parent."""

    def left_to_parent(self) -> Iterable[object]:
        """What the parent goes on with: this process never lets go of it, not even at its end.

        A connection would say goodbye to the server, on a socket that both have; and what an event loop waits for no
        longer, its parent would hear no more of: both have one epoll.
        """
        return ()

    def begins_anew_in_a_fork(self) -> None:
        """From now on, for as long as it lives."""
        _all.add(self)


_all: WeakSet[KnowsForks] = WeakSet()
_held: dict[int, list[object]] = {}
"""What each thread that forks just now has of others in its hands. (Two threads may fork at once.)"""
_kept: list[object] = []


def in_a_fork(function: Callable[[], object]) -> None:
    """Have it called in every child process."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=function)


def never_let_go(of: object) -> None:
    """Leave it to the operating system, which ends the process without a word to the server."""
    _kept.append(of)
    if sys.implementation.name == "cpython":
        with suppress(ImportError):  # not every build of Python has it
            import ctypes

            # One reference more than there is, so that the interpreter's end leaves it alone, as it does elsewhere.
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(of))


def _hold() -> None:
    # Before the fork: the interpreter clears what other threads had before anything of ours is called in the child.
    _held[get_ident()] = [part for each in _listed(lambda: _all) for part in _listed(each.left_to_parent)]


def _let_go() -> None:
    _held.pop(get_ident(), None)


def _begin_anew() -> None:
    never_let_go(list(_held.values()))
    _held.clear()
    for each in list(_all):
        never_let_go(list(each.left_to_parent()))  # a server that forks without Python's help had nothing held
        each.begin_anew()


def _listed(things: Callable[[], Iterable[T]]) -> list[T]:
    """All of them, though other threads go on adding some."""
    while True:
        with suppress(RuntimeError):  # a set that changed while it was looked through
            return list(things())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_hold, after_in_child=_begin_anew, after_in_parent=_let_go)
