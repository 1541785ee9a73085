"""What is done with a block of a page, by its language."""

from __future__ import annotations

import configparser
import shlex
from collections.abc import Callable
from pathlib import Path

from django.core.management import get_commands, load_command_class

from tests.docs import commands, page_tests, settings_files, statements
from tests.docs.page_tests import Fixture
from tests.docs.pages import Block, blocks
from tests.docs.stage import Stage, staged
from tests.docs.statements import Wrong


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
    place = stage if block.home == "django" else stage.service
    namespace = place.module(block.file).__dict__ if block.file else place.namespace
    before = dict(namespace)
    statements.run(block, namespace, place.wait)
    place.make_tables()
    for name, value in [(name, value) for name, value in namespace.items() if value is not before.get(name)]:
        if block.home == "django":
            page_tests.run_in_django(name, value, fixture)
        else:
            page_tests.Service(place.namespace | namespace, fixture, place.wait).run(name, value)
    if block.file:
        place.publish(block.file)
    return None


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
