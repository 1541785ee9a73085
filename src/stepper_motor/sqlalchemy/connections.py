"""The connections of a motor to one database: one for each of its threads, and a pool for its steps.

What the engine asks goes over lines of its own, and with an async driver over an event loop of its own: a step that
keeps its loop busy must not silence the heartbeat.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable, Iterable
from functools import cached_property
from time import monotonic
from weakref import WeakSet

from sqlalchemy import Engine

from stepper_motor.motor.forks import KnowsForks, never_let_go
from stepper_motor.sqlalchemy.bridge import Bridge
from stepper_motor.sqlalchemy.engines import LONGEST, is_in_memory, try_what_rested, twin_of
from stepper_motor.sqlalchemy.lines import OwnLine

KEPT = 4
"""Connections of either kind that are kept open while nobody needs them."""
TO_END = 1.0
"""Seconds that a motor which is closed waits for threads that use their connections."""
TWINS = ("_of_threads", "of_steps")
"""The names of the motor's own engines, which are made when they are needed."""


class Connections(KnowsForks):
    """Made from the app's engine, without a connection at first.

    Args:
        engine: the app's.
        async_connections: how many connections async steps share.
        report: told of what goes wrong on an event loop.
    """

    def __init__(self, engine: Engine, async_connections: int, report: Callable[[BaseException], None]) -> None:
        self.engine = engine
        self._async_connections = async_connections
        self._forget()
        self.begins_anew_in_a_fork()
        _all.add(self)
        self._doubted_at = 0.0
        """When a connection was last found to be broken (monotonic): those of steps may be broken as well."""
        self.engine_bridge = Bridge(report) if engine.dialect.is_async else None
        self.step_bridge = Bridge(report) if engine.dialect.is_async else None
        self.waiting_bridge = self.step_bridge or Bridge(report)
        """Where an awaited body is awaited that a thread waits for."""

    def left_to_parent(self) -> Iterable[object]:
        return *self._lines, *(self.__dict__.get(name) for name in TWINS)

    def begin_anew(self) -> None:
        if not is_in_memory(self.engine):
            for name in TWINS:
                self.__dict__.pop(name, None)
            self._forget()

    def _forget(self) -> None:
        self._of_thread = threading.local()
        self._lines: WeakSet[OwnLine] = WeakSet()
        """Those of all threads: a thread that the motor does not know may have read something and gone on."""

    @cached_property
    def _of_threads(self) -> Engine:
        return twin_of(self.engine, size=KEPT, at_most=None)

    @cached_property
    def of_steps(self) -> Engine:
        """The engine of the sessions that steps use."""
        at_most = self._async_connections if self.engine.dialect.is_async else None
        engine = twin_of(self.engine, size=min(KEPT, at_most or KEPT), at_most=at_most)
        if engine is not self.engine:
            try_what_rested(engine, lambda: self._doubted_at)
        return engine

    def own(self) -> OwnLine:
        """This thread's line."""
        line: OwnLine | None = getattr(self._of_thread, "line", None)
        if line is None:
            line = self._of_thread.line = OwnLine(self._of_threads, self.engine_bridge)
            self._lines.add(line)
        return line

    @property
    def in_transaction(self) -> bool:
        """Whether this thread's line is in a transaction."""
        line: OwnLine | None = getattr(self._of_thread, "line", None)
        return line is not None and line.in_transaction

    def let_go(self) -> None:
        """Close this thread's connection if it is broken or too old."""
        line: OwnLine | None = getattr(self._of_thread, "line", None)
        if line is not None and not line.in_transaction and (_is_old(line) or not line.is_alive()):
            is_broken = not _is_old(line)
            self._doubted_at = monotonic() if is_broken else self._doubted_at
            self._close(broken=is_broken)

    def retire(self) -> None:
        """Close this thread's connection if it is too old. It is not asked anything."""
        line: OwnLine | None = getattr(self._of_thread, "line", None)
        if line is not None and not line.in_transaction and _is_old(line):
            self._close()

    def give_back(self) -> None:
        """This thread needs its connection no longer."""
        line: OwnLine | None = getattr(self._of_thread, "line", None)
        if line is not None and not line.in_transaction:
            self._of_thread.line = None
            line.give_back()

    def hang_up(self) -> None:
        """This thread needs its connection no longer, nor does any other."""
        if getattr(self._of_thread, "line", None) is not None:
            self._close()

    def close_steps(self) -> None:
        """Close the connections that steps have used."""
        if "of_steps" in self.__dict__ and self.of_steps is not self.engine:
            (self.step_bridge.there if self.step_bridge else _here)(self.of_steps.dispose)

    def end(self) -> None:
        """Close what is open, and end the event loops."""
        self.close_steps()
        until = monotonic() + TO_END
        for line in tuple(self._lines):
            line.take_back(within=max(0.0, until - monotonic()))
        if "_of_threads" in self.__dict__ and self._of_threads is not self.engine:
            (self.engine_bridge.there if self.engine_bridge else _here)(self._of_threads.dispose)
        for bridge in (self.engine_bridge, self.waiting_bridge):
            if bridge:
                bridge.stop()

    def _close(self, *, broken: bool = False) -> None:
        line, self._of_thread.line = self._of_thread.line, None
        line.close(broken=broken)


_all: WeakSet[Connections] = WeakSet()


@atexit.register
def _leave_open() -> None:
    """A motor that was not closed: an async driver's connections can't be closed once the event loops are gone."""
    for each in list(_all):
        if each.engine.dialect.is_async:
            never_let_go(list(each._lines))


def _is_old(line: OwnLine) -> bool:
    return monotonic() - line.opened_at > LONGEST


def _here(function: Callable[[], None]) -> None:
    function()
