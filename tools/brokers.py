"""Redis and RabbitMQ of a test's own: killed and started again as it likes, and gone after it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.conditions import wait_until
from tools.services import free_port

SERVERS_OF_RABBITMQ = "/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin"
"""Where packages put the script that runs without changing the user, as the one in PATH does."""


class Broker(ABC):
    """A server in a process of its own, on a port of its own, with its files in a temporary folder."""

    scheme: str
    first_limit = 60.0
    """Seconds within which it has to answer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder / "broker.log"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command(), env={**os.environ, **self.environment()}, process_group=0,
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        wait_until(self._answers_or_ended, limit=self.first_limit, what=f"{self.command()[0]} answers")
        assert self._process.poll() is None, self.log.read_text("utf-8", "replace")[-3000:]

    def kill(self) -> None:
        """As a power failure would."""
        assert self._process is not None
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def restart(self) -> None:
        self.kill()
        self.start()

    @contextmanager
    def away(self) -> Iterator[None]:
        """Within the block it is down."""
        self.kill()
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Within the block it keeps its connections, takes new ones, and answers nobody."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self._process.pid, signal.SIGCONT)

    @abstractmethod
    def command(self) -> list[str]:
        """What starts it."""

    def environment(self) -> Mapping[str, str]:
        return {}

    @abstractmethod
    def answers(self) -> bool:
        """Whether it is there for its clients."""

    def _answers_or_ended(self) -> bool:
        assert self._process is not None
        return self._process.poll() is not None or self.answers()

    def says(self, request: bytes, answer: bytes) -> bool:
        """Whether it answers so to these bytes."""
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
            connection.sendall(request)
            return connection.recv(64).startswith(answer)
        return False


class Redis(Broker):
    """It keeps nothing on disk: when it is killed, every job is lost."""

    scheme = "redis"

    def command(self) -> list[str]:
        told = {"port": self.port, "bind": "127.0.0.1", "save": "", "appendonly": "no", "dir": self.folder}
        options = [word for name, value in told.items() for word in (f"--{name}", str(value))]
        return [_found("redis-server"), *options]

    def answers(self) -> bool:
        return self.says(b"PING\r\n", b"+PONG")


class RabbitMQ(Broker):
    """A node of its own. What is durable in it is so."""

    scheme = "amqp"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._distribution_port, self._port_of_epmd = free_port(), free_port()

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    @staticmethod
    def program() -> str | None:
        """Debian's in PATH is for root and its own user alone; the one that it calls is not."""
        found = sorted(map(str, Path("/").glob(f"{SERVERS_OF_RABBITMQ[1:]}/rabbitmq-server")))
        return found[-1] if found else shutil.which("rabbitmq-server")

    def command(self) -> list[str]:
        return [self.program() or _found("rabbitmq-server")]

    def kill(self) -> None:
        super().kill()
        with suppress(OSError):  # Erlang's daemon outlives all else
            subprocess.run(["epmd", "-port", str(self._port_of_epmd), "-kill"], stdout=subprocess.DEVNULL)

    def environment(self) -> Mapping[str, str]:
        nowhere = str(self.folder / "none")
        return {
            "RABBITMQ_NODENAME": f"stepper_motor_{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "ERL_EPMD_PORT": str(self._port_of_epmd),
            "ERL_EPMD_RELAXED_COMMAND_CHECK": "1",  # else it does not let itself be ended while it knows a node
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RABBITMQ_CONFIG_FILE": nowhere,
            "RABBITMQ_ENABLED_PLUGINS_FILE": nowhere,
            "HOME": str(self.folder),  # its cookie
        }

    def answers(self) -> bool:
        return self.says(b"AMQP\x00\x00\x09\x01", b"\x01\x00\x00")


@contextmanager
def running(kind: type[Broker]) -> Iterator[Broker]:
    """One that runs within the block."""
    folder = Path(tempfile.mkdtemp(prefix="stepper_motor_broker_"))
    broker = kind(folder)
    try:
        broker.start()
        yield broker
    finally:
        with suppress(AssertionError):
            broker.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _found(program: str) -> str:
    found = shutil.which(program)
    assert found, f"{program} is not installed: tests with the mark `brokers` start one of their own"
    return found
