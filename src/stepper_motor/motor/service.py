"""A worker as a service of the operating system: signals, and several processes under one supervisor."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from time import monotonic
from types import FrameType
from typing import Any

from stepper_motor.motor.threads import started
from stepper_motor.motor.waiting import pause_for
from stepper_motor.motor.worker import Worker

GRACEFUL = (signal.SIGTERM, signal.SIGINT)
RESTART_AFTER = 1.0
"""Seconds until a worker process that died is started again."""
SUPERVISOR = "STEPPER_MOTOR_SUPERVISOR"
"""The environment variable that tells a worker process which process started it."""
ORPHANED_WITHIN = 1.0
"""Seconds within which a worker process notices that its supervisor is gone."""
ECHO = 1.0
"""Seconds for which a supervised process takes another signal for the same: service managers may signal all of them."""
LOOK = 0.1
"""Seconds between two looks at the worker processes."""


def serve(worker: Worker, *, once: bool = False) -> None:
    """Run the worker. The first SIGTERM or SIGINT lets running steps end; a second one ends the process at once.

    Whatever is cut short is recovered by another worker when its lease is over: nothing is lost.
    """
    supervisor = os.environ.pop(SUPERVISOR, None)  # taken out: it is no business of processes that steps start
    if supervisor:
        started(lambda: _stop_after(int(supervisor), worker), "supervisor's end")
    with on_signals(worker.stop, echo=ECHO if supervisor else 0.0):
        worker.run(once=once)


def _stop_after(supervisor: int, worker: Worker) -> None:
    """One of several processes stops when the process that started it is gone: nobody else would ever stop it."""
    while os.getppid() == supervisor and not worker.is_stopping:
        pause_for(ORPHANED_WITHIN)
    worker.stop()


def end_soon(status: int, seconds: float = 1.0) -> None:
    """Let the interpreter end by itself, but not wait for threads in which steps run that can't be stopped."""

    def end() -> None:
        pause_for(seconds)
        os._exit(status)

    started(end, "end")


class on_signals:  # reads as a verb: with on_signals(stop): ...
    """Within the block, the first signal to stop calls `stop`; at a second one the process calls `last` and ends.

    `stop` is called in a thread of its own: a signal may come while the main thread holds the very lock it needs.
    """

    def __init__(self, stop: Callable[[], None], last: Callable[[], None] = lambda: None, *, echo: float = 0.0) -> None:
        self._stop = stop
        self._last = last
        self._echo = echo
        self._received_at: float | None = None
        self._before: dict[int, Any] = {}
        self._calls: SimpleQueue[bool] = SimpleQueue()

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            started(self._listen, "signals")
            self._before = {number: signal.signal(number, self._receive) for number in GRACEFUL}

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        self._calls.put(False)

    def _listen(self) -> None:
        while self._calls.get():
            self._stop()

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self._received_at is None:
            self._received_at = monotonic()
            self._calls.put(True)  # the one queue that may be used within a signal handler
        elif monotonic() - self._received_at >= self._echo:
            self._last()
            os._exit(128 + number)


class Supervisor:
    """Keeps a number of worker processes running, and hands on the signals to stop."""

    def __init__(self, command: Sequence[str], processes: int) -> None:
        self._command = list(command)
        self._count = processes
        self._children: list[_Child] = []
        self._stopping = threading.Event()

    def run(self, *, once: bool = False) -> int:
        """Until told to stop (or, with `once`, until every process is done); returns the exit status."""
        with on_signals(self._stopping.set, self._kill_children):
            self._children = [_Child(self._command) for _ in range(self._count)]
            while not self._is_over(once):
                self._stopping.wait(LOOK)
                if self._stopping.is_set():
                    pause_for(LOOK)
                    self._tell_children()
                else:
                    self._replace_the_dead(once)
            return max((child.status for child in self._children), default=0)

    def _is_over(self, once: bool) -> bool:
        return (once or self._stopping.is_set()) and all(
            child.has_ended and (self._stopping.is_set() or child.status == 0) for child in self._children
        )

    def _replace_the_dead(self, once: bool) -> None:
        for place, child in enumerate(self._children):
            if child.rests and not (once and child.status == 0):
                self._children[place] = _Child(self._command)

    def _tell_children(self) -> None:
        for child in self._children:
            child.stop()

    def _kill_children(self) -> None:
        for child in self._children:
            child.kill()


class _Child:
    """One worker process."""

    def __init__(self, command: Sequence[str]) -> None:
        # In a process group of its own: a Ctrl-C in the terminal is for the supervisor, which hands it on once.
        environment = {**os.environ, SUPERVISOR: str(os.getpid())}
        self._process = subprocess.Popen(command, process_group=0, env=environment)
        self._was_told = False
        self._ended_at: float | None = None

    @property
    def has_ended(self) -> bool:
        if self._process.poll() is not None and self._ended_at is None:
            self._ended_at = monotonic()
        return self._ended_at is not None

    @property
    def rests(self) -> bool:
        """It ended a while ago: another may take its place."""
        return self.has_ended and self._ended_at is not None and monotonic() - self._ended_at >= RESTART_AFTER

    @property
    def status(self) -> int:
        """The exit status; one that was stopped before it could listen to signals has ended well."""
        code = self._process.wait()
        return 0 if self._was_told and -code in GRACEFUL else abs(code)

    def stop(self) -> None:
        """Tell it to stop, once."""
        if not self._was_told:
            self._was_told = True
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """What it held is recovered by others."""
        self._process.kill()
