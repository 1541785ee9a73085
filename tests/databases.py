"""Which database the tests run on: chosen through the environment, and the same for every process of one run.

    STEPPER_MOTOR_DATABASE         sqlite (the default), postgresql or mariadb
    STEPPER_MOTOR_DATABASE_NAME    what the test database is called; made up once per run, and put into the environment,
                                   so that the processes a test starts reach the database the test sees
    STEPPER_MOTOR_POSTGRESQL_URL   where the servers are
    STEPPER_MOTOR_MARIADB_URL      (MySQL will do as well)

Standard library only: the settings, the tools and tests of other homes all read it.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

DATABASES = ("sqlite", "postgresql", "mariadb")

DEFAULT_URLS = {
    "postgresql": "postgresql://postgres@127.0.0.1:5432",
    "mariadb": "mysql://root@127.0.0.1:3306",
}
DEFAULT_PORTS = {"postgresql": 5432, "mariadb": 3306}


@dataclass(frozen=True)
class Server:
    """A database server, and who we are there."""

    host: str
    port: int
    user: str
    password: str

    def __str__(self) -> str:
        return f"{self.user}@{self.host}:{self.port}"


def url_variable(database: str) -> str:
    return f"STEPPER_MOTOR_{database.upper()}_URL"


def server(database: str) -> Server:
    url = urlsplit(os.environ.get(url_variable(database)) or DEFAULT_URLS[database])
    return Server(
        host=url.hostname or "127.0.0.1",
        port=url.port or DEFAULT_PORTS[database],
        user=unquote(url.username or ""),
        password=unquote(url.password or ""),
    )


def url_with_port(database: str, port: int) -> str:
    return DEFAULT_URLS[database].rpartition(":")[0] + f":{port}"


def chosen() -> str:
    database = os.environ.get("STEPPER_MOTOR_DATABASE") or "sqlite"
    if database not in DATABASES:
        raise ValueError(f"STEPPER_MOTOR_DATABASE must be one of {', '.join(DATABASES)}, got {database!r}")
    return database


def name() -> str:
    return os.environ.setdefault("STEPPER_MOTOR_DATABASE_NAME", new_name())


def new_name() -> str:
    return f"stepper_motor_test_{os.getpid()}_{secrets.token_hex(3)}"


def sqlite_file(name: str) -> Path:
    return Path(tempfile.gettempdir()) / f"{name}.sqlite3"


def remove_sqlite_traces(name: str) -> None:
    """Removes what a killed process may leave beside a database file that is gone."""
    file = sqlite_file(name)
    if not file.exists():
        for suffix in ("-wal", "-shm", "-journal"):
            Path(f"{file}{suffix}").unlink(missing_ok=True)
