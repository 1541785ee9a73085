"""A database server of a test's own, which may be killed and started again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests import databases
from tools.services import SERVICES, Account, free_port, stop, wait_until_it_answers

DURABLE = {"mariadb": ["--innodb-flush-log-at-trx-commit=2"]}
"""What was committed outlives the server's process."""


class PrivateServer:
    """PostgreSQL or MariaDB, with its data in a temporary folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._service = SERVICES[databases.chosen()]
        self._account = Account.for_server(self._service.account)
        self._account.own(folder)
        self._account.run(self._service.prepare(folder), log=folder / "prepare.log")
        self._port = free_port()

    @property
    def environment(self) -> dict[str, str]:
        """Leads a process to this server."""
        database = databases.chosen()
        return {databases.url_variable(database): databases.url_with_port(database, self._port)}

    def start(self) -> None:
        log = self._folder / "server.log"
        command = [*self._service.serve(self._folder, self._port), *DURABLE.get(databases.chosen(), [])]
        self._process = self._account.start(command, log=log)
        with _environment(self.environment):
            wait_until_it_answers(self._service, self._process, log)

    def kill(self) -> None:
        """As when its machine fails: no connection is told, no buffer is written."""
        if databases.chosen() == "postgresql":
            self._process.send_signal(signal.SIGQUIT)  # an immediate shutdown, which takes the backends along
        else:
            self._process.kill()
        self._process.wait(30)

    def stop(self) -> None:
        if self._process.poll() is None:
            stop(self._process, signal.SIGKILL if databases.chosen() == "mariadb" else signal.SIGQUIT)

    def query(self, statement: str, database: str | None = None) -> list[tuple[Any, ...]]:
        """Ask it, within the test database if no other is named."""
        return self._client(statement, database or databases.name())

    def create_database(self) -> None:
        name = databases.name()
        if databases.chosen() == "postgresql":
            self._client(f'CREATE DATABASE "{name}"', "postgres")
        else:
            self._client(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4", None)
        self.run("django", "migrate", "--verbosity", "0")

    def run(self, module: str, *arguments: str) -> None:
        """Run a module of Python's on its database."""
        environment = {**os.environ, **self.environment, "DJANGO_SETTINGS_MODULE": "tests.worker.settings"}
        subprocess.run([sys.executable, "-m", module, *arguments], env=environment, check=True, timeout=60)

    def _client(self, statement: str, name: str | None) -> list[tuple[Any, ...]]:
        if databases.chosen() == "postgresql":
            import psycopg

            with psycopg.connect(
                host="127.0.0.1", port=self._port, user="postgres", dbname=name, autocommit=True
            ) as connection:
                cursor = connection.execute(statement.encode())
                return list(cursor.fetchall()) if cursor.description else []
        import pymysql

        with (
            pymysql.connect(
                host="127.0.0.1", port=self._port, user="root", database=name, autocommit=True
            ) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
            return list(cursor.fetchall())


@contextmanager
def private_server() -> Iterator[PrivateServer]:
    """One that has the test database, migrated."""
    folder = Path(tempfile.mkdtemp(prefix="stepper_motor_private_"))
    try:
        server = PrivateServer(folder)
        server.start()
        try:
            server.create_database()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
