"""Finds the database servers the tests need, and starts private ones where nothing answers.

    python -m tools.services               says what is there
    python -m tools.services --private     starts a private server of each kind, says so and stops it

A server is looked for where STEPPER_MOTOR_POSTGRESQL_URL and STEPPER_MOTOR_MARIADB_URL point, else at its usual port
on this machine. Where nothing answers at the usual port and the server's programs are installed, a private one is
started on a free port, with its data in a temporary folder; it is stopped and removed at the end. A server that you
named yourself is never replaced, and one that was there is never touched.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tests import databases

SECONDS_TO_START = 60
SECONDS_TO_STOP = 30


class Missing(Exception):
    """A server can't be reached or started. The text says which, why, and how to get it."""


class Service(Protocol):
    """One kind of server: how to ask it for its version, and how to start a private one."""

    database: str
    title: str
    how_to_get: str
    account: str
    stop_signal: signal.Signals

    def version(self) -> str: ...
    def drop(self, name: str) -> bool: ...
    def programs(self) -> list[str | None]: ...
    def prepare(self, folder: Path) -> list[str]: ...
    def serve(self, folder: Path, port: int) -> list[str]: ...


class PostgreSQL:
    database = "postgresql"
    title = "PostgreSQL"
    how_to_get = "apt-get install postgresql (Debian, Ubuntu) or brew install postgresql"
    account = "postgres"
    stop_signal = signal.SIGINT  # a fast shutdown: it doesn't wait for clients

    def version(self) -> str:
        return str(self.query("SHOW server_version")[0]).split()[0]

    def drop(self, name: str) -> bool:
        there = bool(self.query("SELECT datname FROM pg_database WHERE datname = %s", name))
        if there:
            self.query(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        return there

    def query(self, statement: str, *values: str) -> list[Any]:
        import psycopg

        server = databases.server(self.database)
        with psycopg.connect(
            host=server.host,
            port=server.port,
            user=server.user,
            password=server.password or None,
            dbname="postgres",
            autocommit=True,
            connect_timeout=5,
        ) as connection:
            cursor = connection.execute(statement.encode(), values or None)
            return [row[0] for row in cursor.fetchall()] if cursor.description else []

    def programs(self) -> list[str | None]:
        return [self.program("initdb"), self.program("postgres")]

    def program(self, name: str) -> str | None:
        """Debian keeps the server's programs out of PATH, one folder per version: the newest is taken."""
        versions = Path("/usr/lib/postgresql").glob(f"*/bin/{name}")
        newest = sorted(versions, key=lambda path: float(path.parts[4]), reverse=True)
        return shutil.which(name) or next(map(str, newest), None)

    def prepare(self, folder: Path) -> list[str]:
        return [str(self.program("initdb")), "-D", f"{folder}/data", "-U", "postgres", "-A", "trust", "-E", "UTF8"]

    def serve(self, folder: Path, port: int) -> list[str]:
        program = [str(self.program("postgres")), "-D", f"{folder}/data", "-k", str(folder), "-h", "127.0.0.1"]
        return [*program, "-p", str(port), "-F"]  # -F: without fsync, the data is thrown away anyway


class MariaDB:
    database = "mariadb"
    title = "MariaDB"
    how_to_get = "apt-get install mariadb-server (Debian, Ubuntu) or brew install mariadb"
    account = "mysql"
    stop_signal = signal.SIGTERM

    def version(self) -> str:
        return str(self.query("SELECT VERSION()")[0])

    def drop(self, name: str) -> bool:
        there = bool(self.query("SELECT schema_name FROM information_schema.schemata WHERE schema_name = %s", name))
        if there:
            self.query(f"DROP DATABASE IF EXISTS `{name}`")
        return there

    def query(self, statement: str, *values: str) -> list[Any]:
        import pymysql

        server = databases.server(self.database)
        connection = pymysql.connect(
            host=server.host, port=server.port, user=server.user, password=server.password, connect_timeout=5
        )
        with connection, connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return [row[0] for row in cursor.fetchall()]

    def programs(self) -> list[str | None]:
        return [self.program("mariadb-install-db", "mysql_install_db"), self.program("mariadbd", "mysqld")]

    def program(self, *names: str) -> str | None:
        path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
        return next(filter(None, (shutil.which(name, path=path) for name in names)), None)

    def prepare(self, folder: Path) -> list[str]:
        install = str(self.programs()[0])
        return [install, "--no-defaults", f"--datadir={folder}/data", "--auth-root-authentication-method=normal"]

    def serve(self, folder: Path, port: int) -> list[str]:
        return [
            str(self.programs()[1]),
            "--no-defaults",
            f"--datadir={folder}/data",
            f"--socket={folder}/socket",
            f"--pid-file={folder}/pid",
            f"--port={port}",
            "--bind-address=127.0.0.1",
            "--innodb-flush-log-at-trx-commit=0",  # the data is thrown away anyway
        ]


SERVICES: dict[str, Service] = {service.database: service for service in (PostgreSQL(), MariaDB())}


@contextlib.contextmanager
def reached(database: str, *, private: bool = False) -> Iterator[str]:
    """Makes a server reachable through its URL in the environment while the block runs; gives a sentence about it.

    Raises:
        Missing: nothing answers, and no private server could be started.
    """
    service = SERVICES[database]
    named = bool(os.environ.get(databases.url_variable(database)))
    problem = "a private one was asked for" if private else why_unreachable(service)
    if problem is None:
        yield f"{service.title} {service.version()} at {databases.server(database)}"
    elif named and not private:
        raise Missing(f"{databases.url_variable(database)} names a {service.title} that can't be reached: {problem}")
    elif not all(service.programs()):
        raise Missing(f"{service.title} can't be reached ({problem}) and isn't installed.\n{hint(service)}")
    else:
        with private_server(service):
            yield f"{service.title} {service.version()}, a private one at {databases.server(database)} ({problem})"


def why_unreachable(service: Service) -> str | None:
    try:
        service.version()
    except ImportError as error:
        return f"the driver is missing: {error}"
    except Exception as error:  # each driver has errors of its own, and any of them means: not here
        return " ".join(str(error).split())
    return None


def hint(service: Service) -> str:
    example = databases.DEFAULT_URLS[service.database].replace("@", ":password@")
    return f"Get it with {service.how_to_get}, or name yours: {databases.url_variable(service.database)}={example}"


@contextlib.contextmanager
def private_server(service: Service) -> Iterator[None]:
    variable = databases.url_variable(service.database)
    before = os.environ.get(variable)
    folder = Path(tempfile.mkdtemp(prefix=f"stepper_motor_{service.database}_"))
    account = Account.for_server(service.account)
    try:
        account.own(folder)
        account.run(service.prepare(folder), log=folder / "prepare.log")
        port = free_port()
        process = account.start(service.serve(folder, port), log=folder / "server.log")
        os.environ[variable] = databases.url_with_port(service.database, port)
        try:
            wait_until_it_answers(service, process, folder / "server.log")
            yield
        finally:
            stop(process, service.stop_signal)
    finally:
        restore(variable, before)
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Account:
    """Who a private server runs as: neither PostgreSQL nor MariaDB wants to run as root."""

    user: int | None
    group: int | None

    @classmethod
    def for_server(cls, name: str) -> Account:
        if os.geteuid() != 0:
            return cls(None, None)
        for candidate in (name, "nobody"):
            with contextlib.suppress(KeyError):
                entry = pwd.getpwnam(candidate)
                return cls(entry.pw_uid, entry.pw_gid)
        raise Missing(f"no account but root to run a server as; make one called {name}")

    def own(self, folder: Path) -> None:
        (folder / "data").mkdir(mode=0o700)
        if self.user is not None and self.group is not None:
            os.chown(folder, self.user, self.group)
            os.chown(folder / "data", self.user, self.group)

    def run(self, command: list[str], *, log: Path) -> None:
        if self.start(command, log=log).wait() != 0:
            raise Missing(f"{command[0]} failed:\n{tail(log)}")

    def start(self, command: list[str], *, log: Path) -> subprocess.Popen[bytes]:
        extra_groups: list[int] | None = None if self.user is None else []
        with log.open("wb") as output:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=log.parent,
                user=self.user,
                group=self.group,
                extra_groups=extra_groups,
                start_new_session=True,  # Ctrl-C is for us: we stop the server when the tests have ended
            )


def wait_until_it_answers(service: Service, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while (problem := why_unreachable(service)) is not None:
        if process.poll() is not None or time.monotonic() > deadline:
            raise Missing(f"a private {service.title} did not start: {problem}\n{tail(log)}")
        time.sleep(0.1)


def stop(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    process.send_signal(how)
    try:
        process.wait(SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def tail(log: Path) -> str:
    return "\n".join(log.read_text("utf-8", "replace").splitlines()[-15:])


def restore(variable: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(variable, None)
    else:
        os.environ[variable] = value


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--private", action="store_true", help="start a private server of each kind, and stop it")
    private = parser.parse_args().private
    missing = False
    for database in SERVICES:
        try:
            with reached(database, private=private) as sentence:
                print(sentence, flush=True)
        except Missing as error:
            missing = True
            print(error, file=sys.stderr, flush=True)
    sys.exit(1 if missing else 0)


if __name__ == "__main__":
    main()
