"""The examples do what their pages say. They keep databases of their own, so one run of the tests is enough."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SHOP = Path(__file__).parent.parent / "examples" / "shop"

pytestmark = [pytest.mark.processes, pytest.mark.only_on("sqlite")]


def run(*arguments: str, limit: float) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=SHOP,
        env=environment,
        timeout=limit,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


@pytest.mark.slow
def test_the_demo_adds_up_though_a_worker_is_killed(tmp_path):
    done = run("demo.py", "--heroes", "30", "--seconds", "20", "--folder", str(tmp_path), limit=100)
    assert done.returncode == 0, done.stdout[-4000:]
    assert "SIGKILL" in done.stdout
    assert not [line for line in done.stdout.splitlines() if line.startswith("  no  ")], done.stdout[-4000:]


def test_the_payment_provider_moves_money_once_for_a_key():
    done = run("-m", "unittest", "test_provider", limit=60)
    assert done.returncode == 0, done.stdout[-4000:]


def test_its_migrations_are_complete(tmp_path):
    done = run("manage.py", "makemigrations", "--check", "--dry-run", limit=60)
    assert done.returncode == 0, done.stdout[-4000:]
