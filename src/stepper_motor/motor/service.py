"""A worker as a service of the operating system: signals, and several processes under one supervisor."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from time import monotonic
from types import FrameType
from typing import Any

from stepper_motor.motor.worker import Worker

GRACEFUL = (signal.SIGTERM, signal.SIGINT)
RESTART_AFTER = 1.0
"""Seconds until a worker process that died is started again."""


def serve(worker: Worker, *, once: bool = False) -> None:
    """Run the worker. The first SIGTERM or SIGINT lets running steps end; a second one ends the process at once.

    Whatever is cut short is recovered by another worker when its lease is over: nothing is lost.
    """

    def stop() -> None:
        worker.stop()

    with on_signals(stop):
        worker.run(once=once)


class on_signals:  # reads as a verb: with on_signals(stop): ...
    """Within the block, the first signal to stop calls `stop`; a second one ends the process at once."""

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop
        self._received = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._receive) for number in GRACEFUL}

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self._received += 1
        if self._received > 1:
            os._exit(128 + number)
        self._stop()


class Supervisor:
    """Keeps a number of worker processes running, and hands on the signals to stop."""

    def __init__(self, command: Sequence[str], processes: int) -> None:
        self._command = list(command)
        self._count = processes
        self._children: list[subprocess.Popen[bytes]] = []
        self._stopping = threading.Event()

    def run(self, *, once: bool = False) -> int:
        """Until told to stop (or, with `once`, until every process is done); returns the exit status."""
        with on_signals(self._stop):
            self._children = [self._spawn() for _ in range(self._count)]
            while self._children and not (self._stopping.is_set() and self._all_done()):
                self._stopping.wait(0.2)
                self._replace_the_dead(once)
                if once and self._all_done():
                    break
            return max((abs(child.wait()) for child in self._children), default=0)

    def _spawn(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command)

    def _stop(self) -> None:
        self._stopping.set()
        for child in self._children:
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)

    def _all_done(self) -> bool:
        return all(child.poll() is not None for child in self._children)

    def _replace_the_dead(self, once: bool) -> None:
        for place, child in enumerate(self._children):
            if child.poll() is None or self._stopping.is_set() or (once and child.returncode == 0):
                continue
            began = monotonic()
            self._stopping.wait(RESTART_AFTER)
            if not self._stopping.is_set() and monotonic() - began >= RESTART_AFTER:
                self._children[place] = self._spawn()
