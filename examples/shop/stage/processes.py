"""The other processes of the demo: the bank, the workers, and what there is beside them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from stage.staff import Command

SHOP = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Bank:
    """The payment provider, as those see it who run it."""

    url: str

    def set_online(self, code: str, *, online: bool) -> None:
        body = json.dumps({"online": online})
        self._ask("PUT", f"/banks/{code}", body)

    def ledger(self) -> list[dict[str, Any]]:
        transfers: list[dict[str, Any]] = self._ask("GET", "/ledger")["transfers"]
        return transfers

    def _ask(self, method: str, path: str, body: str | None = None) -> Any:
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=10)
        try:
            connection.request(method, path, body)
            return json.load(connection.getresponse())
        finally:
            connection.close()


@contextmanager
def start_bank(*, seed: int) -> Iterator[Bank]:
    """Runs the payment provider as long as the block lasts."""
    command = [sys.executable, "provider.py", "--seed", str(seed)]
    # Its standard input is ours: closed when we end, however we end, which ends it too.
    with subprocess.Popen(command, cwd=SHOP, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        try:
            yield Bank(process.stdout.readline().strip())
        finally:
            process.stdin.close()


class Process:
    """A process of the shop's, with a file for all that it says."""

    def __init__(self, name: str, command: Command, *, folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name.replace(' ', '-')}.log"
        arguments = [part.replace("{name}", self.log.stem).replace("{folder}", str(folder)) for part in command]
        environment = {**os.environ, "SHOP_LOG_LEVEL": "INFO"}
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, *arguments], cwd=SHOP, env=environment, process_group=0,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def __str__(self) -> str:
        return f"{self.name} (pid {self.pid})"

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def died(self) -> bool:
        return self._process.poll() is not None

    def owns(self, pid: int) -> bool:
        """Whether this is the process, or one that it has started."""
        with suppress(ProcessLookupError):
            return os.getpgid(pid) == self.pid
        return False

    def freeze(self) -> None:
        os.killpg(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.killpg(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """As a power cut would, all that it has started with it: no goodbye, nothing handed back."""
        os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def ask_to_stop(self) -> None:
        """As a deploy would: it may end the steps it is in."""
        if not self.died:
            self.thaw()
            self._process.terminate()

    def wait(self) -> int:
        """Gives its exit code: 0, if all is well."""
        try:
            return self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.kill()
            return -signal.SIGKILL
