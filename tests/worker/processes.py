"""Worker processes that a test starts, watches, kills and waits for."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from stepper_motor.motor.clock import FastClock
from tests.conditions import wait_until
from tests.worker import diary

DJANGO = ("django", "stepper_motor")
"""The program that runs the commands: a module of Python's, and its first arguments."""
LINE = re.compile(r"^\d{4}-\d\d-\d\d [\d:,]+ (\w+) (.*)$")


class Process:
    """One `manage.py stepper_motor ...` or `stepper-motor ...`, and what it logged."""

    def __init__(
        self, arguments: list[str], log: Path, environment: Mapping[str, str], *, process_group: int | None = None
    ) -> None:
        self.log = log
        with log.open("wb") as output:
            self._popen = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=process_group,
            )
        self.pid = self._popen.pid

    @property
    def output(self) -> str:
        return self.log.read_text("utf-8", "replace")

    def logged(self, *levels: str) -> list[str]:
        """The log lines of these levels (all, without any)."""
        found = [match.groups() for line in self.output.splitlines() if (match := LINE.match(line))]
        return [sentence for level, sentence in found if not levels or level in levels]

    @property
    def names(self) -> list[str]:
        """The first word of each log line: what happened."""
        return [sentence.split()[0] for sentence in self.logged()]

    def works(self) -> Process:
        """Wait until it has begun to work."""
        wait_until(lambda: "worker_started" in self.names or self.status is not None, what="the worker has started")
        assert self.status is None, self.output
        return self

    @property
    def status(self) -> int | None:
        """The exit status; None while it runs."""
        return self._popen.poll()

    def send(self, number: signal.Signals) -> None:
        self._popen.send_signal(number)

    def kill(self) -> None:
        """As a power failure would: it can do nothing about it."""
        self._popen.kill()
        self._popen.wait()

    def ends(self, limit: float = 20.0) -> int:
        """Wait for its end; returns the exit status."""
        wait_until(
            lambda: self.status is not None, limit=limit, what=f"process {self.pid} ends:\n{self.output[-3000:]}"
        )
        assert self.status is not None
        return self.status

    def stops(self, limit: float = 20.0) -> int:
        """Ask it to stop (SIGTERM) and wait; returns the exit status."""
        self.send(signal.SIGTERM)
        return self.ends(limit)

    @property
    def children(self) -> list[int]:
        """The process ids of its children."""
        listed = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        return [int(pid) for pid in listed.read_text().split()] if listed.exists() else []

    @property
    def resident(self) -> int:
        """Resident memory in bytes."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


class Crew:
    """Starts the processes of one test, and ends what is left of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: list[Process] = []

    def start(
        self,
        *arguments: str,
        program: Sequence[str] = DJANGO,
        clock: FastClock | None = None,
        environment: Mapping[str, str] | None = None,
        **settings: Any,
    ) -> Process:
        """`settings` are those of STEPPER_MOTOR (or of the `Motor`) in the process, durations in seconds."""
        told = {
            "DJANGO_SETTINGS_MODULE": "tests.worker.settings",
            "STEPPER_MOTOR_TEST_SETTINGS": json.dumps(settings),
            diary.FOLDER: str(self._folder),
            **({"STEPPER_MOTOR_TEST_CLOCK": _clock(clock.speed, clock.origin)} if clock else {}),
            **(environment or {}),
        }
        log = self._folder / f"process {len(self._processes) + 1}.log"
        self._processes.append(Process([*program, *arguments], log, told))
        return self._processes[-1]

    def worker(self, *arguments: str, **told: Any) -> Process:
        """A worker that has begun to work."""
        return self.start("worker", *arguments, **told).works()

    def end(self) -> None:
        for process in self._processes:
            children = process.children
            if process.status is None:
                process.kill()
            for child in children:
                _kill(child)


def _clock(speed: float, origin: datetime) -> str:
    return f"{speed} {origin.isoformat()}"


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
