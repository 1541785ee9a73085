"""What is done with a block of a page, by its language."""

from __future__ import annotations

import configparser
import inspect
import shlex
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any

from asgiref.sync import async_to_sync
from django.core.management import get_commands, load_command_class
from django.test import TestCase

from tests.docs import commands, settings_files, statements
from tests.docs.pages import Block, blocks
from tests.docs.stage import BEHIND, Stage, staged
from tests.docs.statements import Wrong

Fixture = Callable[[str], Any]


def play(page: Path, fixture: Fixture) -> None:
    """Run the blocks of a page from top to bottom, in one namespace.

    Args:
        fixture: gives a fixture of pytest's by its name, for tests that the page shows.

    Raises:
        Wrong: the page says something else than what happens, or has a block that nobody runs.
    """
    with staged() as stage:
        for block in blocks(page):
            if block.language not in _RUN:
                raise Wrong(f"{block}: nobody runs {block.language!r}; what can't be run is text")
            _RUN[block.language](block, stage, fixture)


def _python(block: Block, stage: Stage, fixture: Fixture) -> None:
    if block.file and block.file.endswith("settings.py"):
        return settings_files.run(block)
    namespace = stage.module(block.file).__dict__ if block.file else stage.namespace
    before = dict(namespace)
    statements.run(block, namespace)
    stage.make_tables()
    for name, value in [(name, value) for name, value in namespace.items() if value is not before.get(name)]:
        _run_test(name, value, fixture)
    if block.file:
        stage.publish(block.file)
    return None


def _run_test(name: str, value: Any, fixture: Fixture) -> None:
    """Run what pytest or Django would take for a test."""
    if name.startswith("test_") and callable(value):
        given = {each: fixture(each) for each in inspect.signature(value).parameters}
        case: Any = type(name, (TestCase,), {"runTest": lambda _: _call(value, given)})()
        _check_passes(unittest.TestSuite([case]))
    elif isinstance(value, type) and issubclass(value, unittest.TestCase) and value.__module__.startswith(BEHIND):
        _check_passes(unittest.defaultTestLoader.loadTestsFromTestCase(value))


def _call(test: Callable[..., Any], given: dict[str, Any]) -> None:
    async_to_sync(test)(**given) if inspect.iscoroutinefunction(test) else test(**given)


def _check_passes(suite: unittest.TestSuite) -> None:
    result = unittest.TestResult()
    suite.run(result)
    if not result.testsRun or not result.wasSuccessful():
        raise Wrong("\n".join(text for _, text in (*result.errors, *result.failures)) or "no test in it")


def _console(block: Block, stage: Stage, fixture: Fixture) -> None:
    commands.run(block)


def _unit(block: Block, stage: Stage, fixture: Fixture) -> None:
    """A systemd unit: its command must be one."""
    unit = configparser.ConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(block.code)
    words = shlex.split(unit["Service"]["ExecStart"])
    name, *arguments = words[words.index(next(word for word in words if word.endswith("manage.py"))) + 1 :]
    commands.parse(load_command_class(get_commands()[name], name), name, arguments, str(block))


def _mermaid(block: Block, stage: Stage, fixture: Fixture) -> None:
    """The diagram of a journey that the page has defined."""
    drawn = [each.diagram() for each in stage.namespace.values() if hasattr(each, "diagram")]
    if block.code.strip() not in drawn:
        raise Wrong(f"{block}: no journey of the page looks like this; there are\n" + "\n".join(drawn))


def _text(block: Block, stage: Stage, fixture: Fixture) -> None:
    """Nothing that could be run."""


_RUN: dict[str, Callable[[Block, Stage, Fixture], None]] = {
    "console": _console,
    "ini": _unit,
    "mermaid": _mermaid,
    "python": _python,
    "text": _text,
}
