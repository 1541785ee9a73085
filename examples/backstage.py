"""What the demonstrations beside this file need: real processes, patience, and claims held against what is seen.

Nothing of it is needed to use stepper_motor.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import TypeVar

T = TypeVar("T")
LOOK = 0.05
"""Seconds between two looks at something that is waited for."""
PATIENCE = 60.0
"""Seconds after which something that is waited for is taken not to come."""
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")
"""How a server says where it listens."""


class NotSeen(Exception):
    """What was waited for did not come."""


def wait_until(condition: Callable[[], T], what: str, *, patience: float = PATIENCE) -> T:
    """Look until `condition()` holds, and return what it gave.

    Raises:
        NotSeen: it did not within `patience` seconds.
    """
    ends, never = monotonic() + patience, threading.Event()
    while not (found := condition()):
        if monotonic() > ends:
            raise NotSeen(f"not within {patience:g} s: {what}")
        never.wait(LOOK)
    return found


class Process:
    """A process of the demonstration: `python` with these arguments, and a file for all that it says."""

    def __init__(self, arguments: Sequence[str], *, folder: Path, log: Path, environment: Mapping[str, str]) -> None:
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, *arguments], cwd=folder, env={**os.environ, **environment},
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip

    @property
    def output(self) -> str:
        return self._log.read_text("utf-8", "replace")

    def says(self, pattern: str | re.Pattern[str]) -> str:
        """Wait until it has written what matches, and return that.

        Raises:
            NotSeen: it ended, or wrote no such thing.
        """

        def look() -> re.Match[str] | None:
            found = re.search(pattern, self.output)
            if found is None and self._process.poll() is not None:
                raise NotSeen(f"{self._log.name} ended without saying {pattern!r}:\n{self.output[-2000:]}")
            return found

        found = wait_until(look, f"{self._log.name} says {pattern!r}:\n{self.output[-2000:]}")
        assert found is not None
        return found[0]

    def address(self) -> str:
        """Wait until it listens; returns where. A server that was given port 0 has chosen a free one by then."""
        return self.says(ADDRESS)

    def ends(self) -> str:
        """Wait until it ends by itself; returns all that it wrote.

        Raises:
            NotSeen: it did not, or not well.
        """
        wait_until(lambda: self._process.poll() is not None, f"{self._log.name} ends")
        if self._process.returncode:
            raise NotSeen(f"{self._log.name} ended with {self._process.returncode}:\n{self.output[-2000:]}")
        return self.output

    def kill(self) -> None:
        """As a power cut would: no goodbye, nothing handed back."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """As a deploy would: it may end what it is doing. Returns its exit status."""
        self._process.terminate()
        try:
            return self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.kill()
            return -signal.SIGKILL


class Backstage:
    """Within the block processes are started; at its end those that are left are stopped, the latest first."""

    def __init__(self, folder: Path) -> None:
        """Logs are written in `folder`."""
        self._folder = folder
        self._processes: list[Process] = []

    def __enter__(self) -> Backstage:
        return self

    def __exit__(self, *raised: type[BaseException] | BaseException | TracebackType | None) -> None:
        for process in reversed(self._processes):
            process.stop()

    def start(self, *arguments: str, folder: Path, **environment: str) -> Process:
        """Start `python` with these arguments in this folder, with these variables in its environment besides ours."""
        log = self._folder / f"process-{len(self._processes) + 1}.log"
        self._processes.append(Process(arguments, folder=folder, log=log, environment=environment))
        return self._processes[-1]


def end_with_the_others_on_sigterm() -> None:
    """On SIGTERM, end as on Ctrl-C: through the blocks that stop the other processes."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


class Story:
    """What the spectators read."""

    def __init__(self) -> None:
        self.broken: list[str] = []

    def chapter(self, title: str) -> None:
        print(f"\n{title.upper()}\n", flush=True)

    def tell(self, line: object) -> None:
        print(f"  {line}", flush=True)

    def claim(self, sentence: str, *, seen: object, expected: object) -> None:
        """Hold a claim against what was seen."""
        holds = seen == expected
        print(f"  {'yes' if holds else 'no '}  {sentence}", flush=True)
        if not holds:
            print(f"         expected {expected!r}, saw {seen!r}", flush=True)
            self.broken.append(sentence)

    def end(self) -> int:
        """The exit status: 0 if every claim holds."""
        print(f"\n{len(self.broken)} claims do not hold." if self.broken else "\nEvery claim holds.", flush=True)
        return 1 if self.broken else 0
