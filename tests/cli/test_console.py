"""`stepper-motor --app myapp.motor:motor ...`: where the motor is looked for, and how the program ends."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from textwrap import dedent

import pytest

from stepper_motor.cli.console import create_parser, main

pytestmark = pytest.mark.pure

ROOT = Path(__file__).resolve().parents[2]
APP = """
    from contextlib import nullcontext

    from stepper_motor.motor.motor import Motor


    class Home:
        def motor(self, types):
            return Motor()

        def listening(self, worker):
            return nullcontext()


    motor = Home()


    class Shop:
        journeys = Home()


    number = 7
"""
"""A home without journeys: what the program does with one is the same whatever there is."""


@pytest.fixture(autouse=True)
def app_folder(tmp_path, monkeypatch):
    """The current directory, in which there is `floor.motor`."""
    for name, text in {
        "__init__": "",
        "motor": APP,
        "empty": "",
        "ill": "import nothing_of_that_name",
        "sick": "1 / 0",
    }.items():
        file = tmp_path / "floor" / f"{name}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(dedent(text))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delenv("STEPPER_MOTOR_APP", raising=False)
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] == "floor"]:
        del sys.modules[name]


@pytest.mark.parametrize("app", ["floor.motor:motor", "floor.motor", "floor.motor:Shop.journeys"])
def test_the_motor_is_a_modules_attribute_which_is_called_motor_if_nothing_else_is_said(app, capsys):
    assert main(["--app", app, "types"]) == 0
    assert capsys.readouterr().out == "This code knows no journey types.\n"


def test_it_may_be_named_in_the_environment(monkeypatch, capsys):
    monkeypatch.setenv("STEPPER_MOTOR_APP", "floor.motor")
    assert main(["doctor"]) == 0
    assert capsys.readouterr().out == "Every journey in flight stands at a step that this code knows.\n"


NO_APP = [
    ([], "say where the motor is: --app myapp.motor:motor, or STEPPER_MOTOR_APP in the environment"),
    (["--app", "flor.motor"], "there is no module 'flor' (looked for in "),
    (["--app", "floor.moter"], "there is no module 'floor.moter' (looked for in "),
    (["--app", "floor.empty"], "module 'floor.empty' has no 'motor'"),
    (["--app", "floor.motor:moter"], "module 'floor.motor' has no 'moter'; did you mean 'motor'?"),
    (["--app", "floor.motor:Shop.engine"], "module 'floor.motor' has no 'Shop.engine'"),
    (["--app", "floor.motor:number"], "floor.motor:number is an object of type int, not a stepper_motor Motor"),
    (["--app", "floor.motor:Home"], "floor.motor:Home is the class Home, not a stepper_motor Motor"),
    (["--app", "floor/motor.py"], "--app must be module:attribute, such as myapp.motor:motor, got 'floor/motor.py'"),
    (["--app", ":motor"], "--app must be module:attribute"),
]


@pytest.mark.parametrize(("arguments", "says"), NO_APP)
def test_what_is_no_motor_is_refused_with_a_reason(arguments, says, capsys):
    with pytest.raises(SystemExit, match="2"):
        main([*arguments, "list"])
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(("module", "error"), [("floor.ill", ModuleNotFoundError), ("floor.sick", ZeroDivisionError)])
def test_a_module_that_can_not_be_imported_says_so_itself(module, error):
    with pytest.raises(error):
        main(["--app", module, "list"])


def test_what_can_not_be_done_is_said_on_stderr(capsys):
    assert main(["--app", "floor.motor", "show", "1"]) == 1
    assert capsys.readouterr() == ("", "stepper-motor: there is no journey 1\n")


def test_help_tells_the_exit_statuses(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    assert "1  something was refused, not found or failed" in capsys.readouterr().out


def test_every_command_says_what_it_does():
    (commands,) = [action for action in create_parser()._actions if action.dest == "command"]
    assert all(choice.help for choice in commands._choices_actions)
    assert [choice.dest for choice in commands._choices_actions] == list(commands.choices)


def test_the_script_and_the_module_are_the_same_program():
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts == {"stepper-motor": "stepper_motor.cli.console:end"}
    assert re.search(
        r"from stepper_motor.cli.console import end\b", (ROOT / "src/stepper_motor/__main__.py").read_text()
    )


def program(*arguments, **options):
    """As a shell starts it, in the current directory."""
    return subprocess.run(
        [sys.executable, "-m", "stepper_motor", *arguments],
        capture_output=True, text=True, timeout=60, check=False, **options,
    )  # fmt: skip


@pytest.mark.processes
def test_it_ends_with_the_status_of_its_command():
    well, ill = program("--app", "floor.motor", "list"), program("--app", "floor.motor", "perform", "1")

    assert (well.returncode, well.stdout, well.stderr) == (0, "No journeys.\n", "")
    assert (ill.returncode, ill.stdout, ill.stderr) == (1, "", "stepper-motor: there is no journey 1\n")


MANY = """
    from types import SimpleNamespace

    from floor.motor import Home
    from stepper_motor.journeys.journey import JourneyBase
    from stepper_motor.journeys.steps import step
    from stepper_motor.motor.motor import Motor
    from stepper_motor.motor.registry import Registry


    class Many(Home):
        def motor(self, types):
            registry, motor = Registry(), Motor()
            for number in range(5_000):
                body = {"work": step(lambda self: None, name="work")}
                registry.add(type(f"Journey{number}", (JourneyBase,), body))
            motor.join(SimpleNamespace(registry=registry))
            return motor


    motor = Many()
"""
"""More types than fit into a pipe."""


@pytest.mark.processes
def test_a_reader_that_goes_away_ends_no_command_half_way(app_folder):
    (app_folder / "floor" / "many.py").write_text(dedent(MANY))
    reading, writing = os.pipe()
    listed = subprocess.Popen(
        [sys.executable, "-m", "stepper_motor", "--app", "floor.many", "types"],
        stdout=writing, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.close(writing)
    assert os.read(reading, 1) == b"J"
    os.close(reading)

    assert (listed.communicate(timeout=60)[1], listed.returncode) == ("", 0)


@pytest.mark.processes
def test_a_letter_that_the_terminal_lacks_is_written_as_its_number():
    told = program("--app", "floor.motor", "show", "→", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert told.stderr == "stepper-motor: there is no journey \\u2192\n"
