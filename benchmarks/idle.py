"""What workers cost a PostgreSQL that has nothing due: commits a second, connections, CPU.

    python -m benchmarks.idle                        1, 5, 10 and 20 worker processes of a Django project
    python -m benchmarks.idle --workers 50 --seconds 60

A worker that waits sends single statements, and each is a commit: the server counts them. CPU is that of the server's
processes that serve the workers' connections, and of the workers themselves, as Linux counts it.
"""

# ruff: noqa: E402  # Django has to be set up before models are imported

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
os.environ.setdefault("STEPPER_MOTOR_DATABASE", "postgresql")

import django

django.setup()

from django.db import connection
from django.test.runner import DiscoverRunner

from tests.conditions import wait_until

TICK = os.sysconf("SC_CLK_TCK")
SETTLED = 15.0
"""Seconds after which workers do nothing but wait."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.idle", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 5, 10, 20], help="processes")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long each number of them is watched")
    options = parser.parse_args()
    runner = DiscoverRunner(verbosity=0)
    databases = runner.setup_databases()
    try:
        for number in options.workers:
            _measure(number, options.seconds)
    finally:
        runner.teardown_databases(databases)
    return 0


def _measure(number: int, seconds: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        logs = [Path(folder) / str(n) for n in range(number)]
        workers = [_started(log) for log in logs]
        try:
            wait_until(lambda: all("worker_started" in log.read_text() for log in logs), limit=120)
            Event().wait(SETTLED)
            _watch(workers, seconds)
        finally:
            for worker in workers:
                worker.terminate()
            for worker in workers:
                worker.wait(60)


def _started(log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        command = [sys.executable, "-m", "django", "stepper_motor", "worker"]
        return subprocess.Popen(command, stdout=output, stderr=output)


def _watch(workers: list[subprocess.Popen[bytes]], seconds: float) -> None:
    servers, processes = _backends(), [worker.pid for worker in workers]
    began, commits = monotonic(), _commits()
    server_before, worker_before = _cpu(servers), _cpu(processes)
    Event().wait(seconds)
    took, commits = monotonic() - began, _commits() - commits
    on_server, on_workers = _cpu(servers) - server_before, _cpu(processes) - worker_before
    resident = sum(_resident(pid) for pid in processes) / len(processes) / 2**20
    print(
        f"{len(workers):>3} workers: {commits / took:.1f} statements a second, {len(servers)} connections, "
        f"CPU of the server {on_server / took:.2%} of a core, of a worker {on_workers / took / len(workers):.2%}, "
        f"{resident:.0f} MB each",
        flush=True,
    )


def _backends() -> list[int]:
    """The server's processes that serve the workers."""
    return [int(pid) for pid in _column(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' "
        "AND pid <> pg_backend_pid()")]  # fmt: skip


def _commits() -> int:
    _column("SELECT pg_stat_clear_snapshot()::text")
    return int(_column("SELECT pg_stat_get_db_xact_commit(oid) FROM pg_database WHERE datname = current_database()")[0])


def _cpu(pids: list[int]) -> float:
    """Seconds that these processes have used."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(field[11]) + int(field[12]) for field in fields) / TICK


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _column(statement: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return [row[0] for row in cursor.fetchall()]


if __name__ == "__main__":
    sys.exit(main())
