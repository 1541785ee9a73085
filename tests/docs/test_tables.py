"""What the manual lists is what there is: options, settings, events, checks."""

from __future__ import annotations

import ast
import inspect
import logging
import re
import tomllib
from collections.abc import Iterator
from dataclasses import fields

import pytest
from django.core.management import load_command_class

from stepper_motor import Reattempt
from stepper_motor.journeys.declarations import Options
from stepper_motor.journeys.definition import SETTINGS
from stepper_motor.journeys.journey import JourneyBase
from stepper_motor.motor import events
from stepper_motor.motor.events import Event
from stepper_motor.motor.settings import Settings
from stepper_motor.sqlalchemy import Motor, migrations
from tests.docs.pages import ROOT
from tests.docs.tables import table, value, words

pytestmark = pytest.mark.pure

DOCS = ROOT / "docs"
SOURCE = ROOT / "src" / "stepper_motor"


def listed(page: str, heading: str) -> list[str]:
    return [word for row in table(DOCS / page, heading) for word in words(row[heading])]


def test_every_option_of_a_step_is_listed():
    assert sorted(listed("defining-steps.md", "option")) == sorted(Options.__annotations__)


def test_every_setting_of_a_class_is_listed_with_its_default():
    rows = {words(row["attribute"])[0]: row["default"] for row in table(DOCS / "defining-steps.md", "attribute")}
    assert sorted(listed("defining-steps.md", "attribute")) == sorted(SETTINGS)
    assert rows["on_exception"] == f'`"{JourneyBase.on_exception}"`'
    assert rows["if_lost"] == f'`"{JourneyBase.if_lost}"`'
    assert rows["may_proceed_without_hero"] == f"`{JourneyBase.may_proceed_without_hero}`"
    assert value(rows["lease"]) == Settings().lease
    assert value(rows["delete_completed_after"]) == Settings().delete_completed_after


def test_every_argument_of_reattempt_is_listed_with_its_default():
    rows = {words(row["argument"])[0]: row["default"] for row in table(DOCS / "exceptions.md", "argument")}
    defaults = Reattempt()
    assert list(rows) == ["wait", "backoff", "max_wait", "jitter", "max_attempts", "then"]
    assert value(rows["wait"]) == defaults.wait
    assert rows["max_wait"] == "an hour"
    assert defaults.max_wait.total_seconds() == 3600
    assert [rows[name] for name in ("backoff", "jitter", "max_attempts")] == ["2", "0.1", "20"]
    assert (defaults.backoff, defaults.jitter, defaults.max_attempts) == (2, 0.1, 20)
    assert rows["then"] == f'`"{defaults.then}"`'


def test_every_setting_is_listed_with_its_default():
    rows = {words(row["setting"])[0]: value(row["default"]) for row in table(DOCS / "worker.md", "setting")}
    of_django = {"CLOCK": None, "SCHEDULER": None}
    assert rows == {**{field.name.upper(): field.default for field in fields(Settings)}, **of_django}


def test_every_argument_of_a_motor_is_listed():
    arguments = {*inspect.signature(Motor).parameters} - {"settings"}
    assert set(listed("sqlalchemy.md", "argument of `Motor`")[: len(arguments)]) == arguments


def test_every_argument_of_a_migration_is_listed_with_its_default():
    rows = {words(row["argument"])[0]: row["default"] for row in table(DOCS / "alembic.md", "argument")}
    arguments = {
        **inspect.signature(migrations.downgrade).parameters,
        **inspect.signature(migrations.upgrade).parameters,
    }
    assert set(rows) == set(arguments) - {"op"}
    assert words(rows["table"]) == [arguments["table"].default]
    assert f"the newest, {migrations.LATEST};" in rows["to"]


@pytest.mark.parametrize(("page", "heading"), [("sqlalchemy.md", "extra"), ("../README.md", "extra")])
def test_every_extra_is_there(page, heading):
    extras = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
    assert set(listed(page, heading)) <= extras


def test_every_option_of_the_worker_is_listed():
    parser = load_command_class("stepper_motor.django", "stepper_motor").create_parser("manage.py", "stepper_motor")
    worker = parser._subparsers._group_actions[0].choices["worker"]
    there_are = {option for action in worker._actions for option in action.option_strings} - {"-h", "--help"}
    assert {word.split()[0] for word in listed("worker.md", "option")} == there_are


def test_every_event_is_listed_with_its_level():
    rows = {words(row["event"])[0]: row["level"] for row in table(DOCS / "worker.md", "event")}
    assert set(rows) == set(told_in_the_code())
    assert rows == {name: logging.getLevelName(events._LEVELS.get(name, logging.INFO)) for name in rows}
    assert set(events._LEVELS) <= set(rows), "a level for an event that nobody tells"


def test_every_key_of_a_log_line_is_listed():
    keys = {f"stepper_motor_{field.name}" for field in fields(Event) if field.name != "error"}
    assert set(listed("worker.md", "key")) == keys


def test_every_system_check_is_listed():
    code = "".join(file.read_text() for file in (SOURCE / "django").glob("*checks.py"))
    assert set(listed("worker.md", "id")) == set(re.findall(r"stepper_motor\.[EW]\d{3}", code))


def told_in_the_code() -> Iterator[str]:
    """The names of all events that the library tells."""
    for file in SOURCE.rglob("*.py"):
        for function in ast.walk(ast.parse(file.read_text())):
            if isinstance(function, ast.FunctionDef):
                yield from _told_in(function)


def _told_in(function: ast.FunctionDef) -> Iterator[str]:
    for call in ast.walk(function):
        if isinstance(call, ast.Call) and _called(call) == "Event":
            yield from _texts([each.value for each in call.keywords if each.arg == "name"], function)
        if isinstance(call, ast.Call) and _called(call) == "_tell" and function.name != "_tell":
            yield from _texts(call.args[:1], function)


def _called(call: ast.Call) -> str:
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def _texts(values: list[ast.expr], function: ast.FunctionDef) -> Iterator[str]:
    """What a value can be: a text, one of two, or what a name in the function stands for."""
    for each in values:
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value
        elif isinstance(each, ast.IfExp):
            yield from _texts([each.body, each.orelse], function)
        elif isinstance(each, ast.Name):
            assignments = [node for node in ast.walk(function) if isinstance(node, ast.Assign)]
            yield from _texts([node.value for node in assignments if _names(node, each.id)], function)


def _names(node: ast.Assign, name: str) -> bool:
    return any(isinstance(target, ast.Name) and target.id == name for target in node.targets)


def test_the_versions_that_the_pages_on_queues_ask_for_are_those_of_the_extras():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    asked = {}
    for page in (DOCS / "queues").glob("*.md"):
        asked |= dict(re.findall(r'"stepper-motor\[([\w-]+)\]"`; \w+ ([\d.]+) or newer', page.read_text()))
    assert asked.keys() >= {"celery", "rq", "dramatiq", "procrastinate"}
    wanted = {name: extras[name][0].partition(">=")[2] for name in asked}
    assert wanted == {name: version.removesuffix(".0") for name, version in asked.items()}
