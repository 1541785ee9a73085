"""`flask stepper-motor ...`: the commands inside a Flask app."""

from __future__ import annotations

import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from textwrap import dedent

import pytest
from flask import Flask, current_app

from stepper_motor import DefinitionError
from stepper_motor.motor.motor import Motor
from stepper_motor.sqlalchemy.flask import register

pytestmark = pytest.mark.pure


class Home:
    """One without journeys."""

    app_seen = None

    def motor(self, types):
        self.app_seen = current_app.name
        if types:
            raise DefinitionError(f"there is no journey type {types[0]!r}")
        return Motor()

    def listening(self, worker):
        return nullcontext()


@pytest.fixture
def home():
    return Home()


@pytest.fixture
def flask(home):
    """Calls `flask ...`; gives the exit status and the output."""
    app = Flask("drip")
    register(app, home)

    def called(*arguments):
        result = app.test_cli_runner().invoke(args=arguments)
        return result.exit_code, result.output

    return called


def test_a_command_runs_inside_the_apps_context(flask, home):
    assert flask("stepper-motor", "list", "--limit", "3") == (0, "No journeys.\n")
    assert home.app_seen == "drip"


def test_what_can_not_be_done_is_an_error_of_the_command(flask):
    assert flask("stepper-motor", "show", "1") == (1, "Error: there is no journey 1\n")
    assert flask("stepper-motor", "worker", "--once", "--types", "Nobody") == (
        1,
        "Error: there is no journey type 'Nobody'\n",
    )


def test_what_was_refused_shows_in_the_exit_status(flask):
    assert flask("stepper-motor", "pause", "1", "--by", "Ada") == (1, "1: there is no journey 1\n")


def test_options_and_help_are_those_of_the_commands(flask):
    status, output = flask("stepper-motor", "list", "--help")
    assert (status, "usage: flask stepper-motor list" in output, "--hero TYPE:ID" in output) == (0, True, True)
    assert "worker" in flask("stepper-motor", "--help")[1]
    assert flask("stepper-motor", "list", "--limit", "0")[0] == 2


def test_the_apps_own_help_names_the_command(flask):
    assert "stepper-motor  Performs journeys, and keeps their house." in flask("--help")[1]


APP = """
    import os
    import sys
    from contextlib import nullcontext

    from flask import Flask
    from stepper_motor.motor.motor import Motor
    from stepper_motor.sqlalchemy.flask import register


    class Home:
        def motor(self, types):
            print("worker of a supervisor:", "STEPPER_MOTOR_SUPERVISOR" in os.environ, *sys.argv[1:], flush=True)
            return Motor()

        def listening(self, worker):
            return nullcontext()


    app = Flask("drip")
    register(app, Home())
"""


@pytest.mark.processes
@pytest.mark.parametrize("begin", [["-m", "flask"], ["flask"]], ids=["python -m flask", "flask"])
def test_several_workers_are_started_as_the_program_itself_was(begin, tmp_path):
    (tmp_path / "drip.py").write_text(dedent(APP))
    script = [str(Path(sys.executable).parent / "flask")] if begin == ["flask"] else begin

    ended = subprocess.run(
        [sys.executable, *script, "--app", "drip", "stepper-motor", "worker", "--once", "--processes", "2"],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert ended.returncode == 0, ended.stderr
    alone = "worker of a supervisor: True --app drip stepper-motor worker --once"
    assert ended.stdout.splitlines() == [alone, alone]
