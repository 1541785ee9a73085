"""`stepper-motor` on an app that keeps its journeys with SQLAlchemy, as a shell calls it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from textwrap import dedent

import pytest

from tests.conditions import wait_until

pytestmark = [pytest.mark.pure, pytest.mark.processes]

MODELS = """
    from datetime import timedelta
    from pathlib import Path

    from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
    from stepper_motor import step
    from stepper_motor.sqlalchemy import JourneyMixin, Motor


    class Base(DeclarativeBase):
        pass


    class User(Base):
        __tablename__ = "users"
        id: Mapped[int] = mapped_column(primary_key=True)


    class Journey(JourneyMixin, Base):
        pass


    class Drip(Journey):
        @step
        def welcome(self):
            with Path("told").open("a") as told:
                told.write(f"{self.id} welcome\\n")

        @step(wait=timedelta(days=2))
        def remind(self): ...
"""
SYNC = """
    from sqlalchemy import create_engine
    from sqlalchemy.orm import sessionmaker

    engine = create_engine("sqlite:///drip.db")
    motor = Motor(sessionmaker(engine), journeys=[Journey])
"""
ASYNC = """
    from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

    motor = Motor(async_sessionmaker(create_async_engine("sqlite+aiosqlite:///drip.db")), journeys=[Journey])
"""
SET_UP = """
    from drip import Base, Drip, User
    from sqlalchemy import create_engine
    from sqlalchemy.orm import Session

    engine = create_engine("sqlite:///drip.db")
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        for number in range(3):
            user = User()
            session.add(user)
            session.flush()
            Drip.start(session, user)
"""
FLASK = """
    from drip import motor
    from flask import Flask
    from stepper_motor.sqlalchemy.flask import register

    app = Flask("app")
    register(app, motor)
"""


@pytest.fixture(params=[SYNC, ASYNC], ids=["sync", "async"])
def shell(request, tmp_path):
    """The folder of an app with three journeys; runs Python in it, and gives the status and the output."""
    (tmp_path / "drip.py").write_text(dedent(MODELS) + dedent(request.param))
    (tmp_path / "flask_app.py").write_text(dedent(FLASK))
    environment = {**os.environ, "STEPPER_MOTOR_APP": "drip:motor"}

    def call(*arguments):
        return subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip

    made = call("-c", dedent(SET_UP))
    assert made.returncode == 0, made.stderr
    return call


def lines(ended, status=0):
    assert ended.returncode == status, ended.stderr
    return ended.stdout.splitlines()


SESSION = """
    import contextlib
    import io
    import json
    import sys

    from stepper_motor.cli.console import main

    for arguments in json.loads(sys.argv[1]):
        written = io.StringIO()
        with contextlib.redirect_stdout(written):
            status = main(arguments)
        print(json.dumps([status, *written.getvalue().splitlines()]))
"""
"""Many commands in one process, which is quicker."""


def test_journeys_are_listed_steered_and_shown(shell):
    commands = [
        "list",
        "pause 1 2 --by Ada --reason wait",
        "pause 1",
        "list --state paused --json",
        "perform 3",
        "show 3 --json",
        "jump-to 1 --step nowhere",
        "types",
        "doctor",
        "housekeep",
    ]

    told = lines(shell("-c", dedent(SESSION), json.dumps([command.split() for command in commands])))

    listed, paused, refused, those_paused, performed, shown, nowhere, types, doctor, kept = map(json.loads, told)
    assert [line.split()[:4] for line in listed[2:]] == [[id, "Drip", f"users:{id}", "ready"] for id in "321"]
    assert paused == [0, "1: Paused: wait.", "2: Paused: wait."]
    assert refused == [1, "1: refused: can't pause a journey that is paused"]
    assert [json.loads(line)["id"] for line in those_paused[1:]] == [2, 1]
    assert performed[1].startswith("3: Step 'welcome': completed. Waits until")
    history = json.loads(shown[1])["history"]
    assert [(entry["step_name"], entry["outcome"]) for entry in history] == [("welcome", "completed")]
    assert nowhere == [1, "1: refused: Drip has no step 'nowhere'; it has welcome, remind"]
    assert types[:4] == [0, "Drip", "  welcome", "  remind   after 2 days"]
    assert doctor == [0, "Every journey in flight stands at a step that this code knows."]
    assert kept == [0, "recovered 0, deleted 0, failed 0"]


def test_a_worker_performs_what_is_due(shell, tmp_path):
    assert lines(shell("-m", "stepper_motor", "worker", "--once")) == []

    assert sorted((tmp_path / "told").read_text().split("\n")) == ["", "1 welcome", "2 welcome", "3 welcome"]
    assert len(lines(shell("-m", "stepper_motor", "list", "--step", "remind", "--json"))) == 3


def test_several_workers_are_started_on_the_same_app(shell, tmp_path):
    ended = shell("-m", "stepper_motor", "worker", "--once", "--processes", "2", "--concurrency", "1")

    assert ended.returncode == 0, ended.stderr
    assert len(re.findall("worker_started", ended.stderr)) == 2
    assert sorted((tmp_path / "told").read_text().split("\n")) == ["", "1 welcome", "2 welcome", "3 welcome"]


def test_types_performs_these_alone(shell):
    refused = shell("-m", "stepper_motor", "worker", "--once", "--types", "Nobody")
    assert (refused.returncode, refused.stderr) == (
        1, "stepper-motor: there is no journey type 'Nobody'; there are Drip\n"
    )  # fmt: skip
    assert lines(shell("-m", "stepper_motor", "worker", "--once", "--types", "Drip")) == []


def test_a_worker_stops_when_it_is_told_to(shell, tmp_path):
    log = tmp_path / "log"
    with log.open("w") as output:
        worker = subprocess.Popen(
            [sys.executable, "-m", "stepper_motor", "--app", "drip", "worker"], cwd=tmp_path, stderr=output
        )
    try:
        wait_until(lambda: (tmp_path / "told").exists() and len((tmp_path / "told").read_text().splitlines()) == 3)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(20) == 0
    finally:
        worker.kill()
    assert "worker_stopped" in log.read_text()


def test_flask_has_the_same_commands(shell):
    def flask(*arguments):
        return lines(shell("-m", "flask", "--app", "flask_app", "stepper-motor", *arguments))

    assert flask("pause", "1") == ["1: Paused."]
    assert flask("worker", "--once") == []
    assert len(flask("list", "--step", "remind", "--json")) == 2
