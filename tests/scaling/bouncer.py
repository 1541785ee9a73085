"""PgBouncer in transaction mode, before the PostgreSQL of the tests: in a process and on a port of its own."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from tests import databases
from tests.conditions import wait_until
from tools.services import Account, free_port, tail

HOW_TO_GET = "PgBouncer is not installed: get it with apt-get install pgbouncer, or brew install pgbouncer"
SETTINGS = """\
[databases]
* = host={server.host} port={server.port} user={server.user} {password}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {connections}
max_client_conn = 500
"""


def program() -> str | None:
    """Where it is; Debian keeps it out of the PATH of users."""
    return shutil.which("pgbouncer", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"]))


def require() -> None:
    """Skip where there is none; with CI=true, which promises that everything runs, fail."""
    if program() is None:
        is_promised = os.environ.get("CI", "").lower() in ("1", "true")
        (pytest.fail if is_promised else pytest.skip)(HOW_TO_GET)


class Bouncer:
    """So few connections to the server that its clients have to share them: each transaction may be on another one.

    Args:
        folder: for its files.
        connections: to the server, at the most.
    """

    def __init__(self, folder: Path, connections: int) -> None:
        self._folder = folder
        self._account = Account.for_server("postgres")
        self._account.own(folder)
        self.port = free_port()
        server = databases.server("postgresql")
        password = f"password={server.password}" if server.password else ""
        told = SETTINGS.format(server=server, password=password, port=self.port, connections=connections)
        (folder / "pgbouncer.ini").write_text(told)

    @property
    def environment(self) -> dict[str, str]:
        """Leads a process to it."""
        return {databases.url_variable("postgresql"): databases.url_with_port("postgresql", self.port)}

    @property
    def log(self) -> str:
        return (self._folder / "pgbouncer.log").read_text("utf-8", "replace")

    def start(self) -> None:
        log = self._folder / "pgbouncer.log"
        self._process = self._account.start([program() or "", f"{self._folder}/pgbouncer.ini"], log=log)
        wait_until(lambda: self._process.poll() is not None or self._answers(), what="PgBouncer answers")
        assert self._process.poll() is None, tail(log)

    def kill(self) -> None:
        """As a power failure would: clients and servers see their connections break."""
        self._process.kill()
        self._process.wait()

    def restart(self) -> None:
        self.kill()
        self.start()

    def show(self, what: str) -> list[dict[str, object]]:
        """What its console tells: POOLS, SERVERS, CLIENTS."""
        with psycopg.connect(self._url("pgbouncer"), autocommit=True) as connection:
            cursor = psycopg.ClientCursor(connection, row_factory=psycopg.rows.dict_row)
            return list(cursor.execute(f"SHOW {what}".encode()))

    def connect(self, name: str | None = None) -> psycopg.Connection:
        """A connection through it, to the test database if no other is named."""
        return psycopg.connect(self._url(name or databases.name()), autocommit=True, prepare_threshold=None)

    def _url(self, name: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def _answers(self) -> bool:
        with suppress(psycopg.OperationalError):
            return bool(self.show("VERSION"))
        return False


@contextmanager
def bouncing(*, connections: int = 4) -> Iterator[Bouncer]:
    """One that runs within the block."""
    folder = Path(tempfile.mkdtemp(prefix="stepper_motor_pgbouncer_"))
    try:
        bouncer = Bouncer(folder, connections)
        bouncer.start()
        try:
            yield bouncer
        finally:
            bouncer.kill()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
