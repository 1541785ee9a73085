"""Console blocks: every command is held against what it is a command of, and those that end by themselves are run.

A line that begins with `$ ` is a command, and a backslash at its end goes on in the next line; what follows is what it
prints. `manage.py stepper_motor` is parsed by its own parser; whatever ends by itself (all but a `worker` without `--once`)
is run, on the page's database, and what it prints and logs must be what the page shows, if the page shows anything. The
same goes for `stepper-motor` in a block of the home sqlalchemy; elsewhere, and after `flask`, it is parsed alone.
"""

from __future__ import annotations

import io
import logging
import re
import shlex
import tomllib
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace

from alembic.config import CommandLine
from django.core.management import call_command, get_commands, load_command_class
from django.core.management.base import BaseCommand, CommandError

from stepper_motor.cli.console import create_parser, main
from tests.docs.pages import ROOT, Block
from tests.docs.statements import Wrong, check

OTHERS = {
    "cd", "curl", "django-admin", "export", "kill", "mkdir", "python", "source", ".", "journalctl", "systemctl", "uvicorn",
}  # fmt: skip
"""Programs whose arguments are their own affair."""
_LOG_FORMAT = "%(asctime)s %(levelname)s %(message)s"
_VARIES = ((r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}", "(time)"), (r"in \d+\.\d{3} s", "in (a while)"))


@dataclass(frozen=True, slots=True)
class Command:
    where: str
    words: tuple[str, ...]
    output: str
    home: str


def commands(block: Block) -> Iterator[Command]:
    """The commands of a console block, each with what it prints."""
    lines = block.code.replace("\\\n", " " * 2).splitlines()
    places = [place for place, line in enumerate(lines) if line.startswith("$ ")]
    if not places or places[0] != 0:
        raise Wrong(f"{block}: a console block begins with a command, `$ ...`")
    for place, following in zip(places, [*places[1:], len(lines)], strict=True):
        words = tuple(shlex.split(lines[place][2:], comments=True))
        yield Command(f"{block}+{place}", words, "\n".join(lines[place + 1 : following]).strip(), block.home)


def run(block: Block) -> None:
    """Check every command of the block, and run those that end by themselves.

    Raises:
        Wrong: there is no such command or option, or it prints something else.
    """
    status = 0
    for command in commands(block):
        if command.words == ("echo", "$?"):
            check(command.output, str(status), command.where)
        else:
            for words in _parts(command.words):
                status = _run(replace(command, words=words))


def _parts(words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The commands that `&&` joins."""
    part: list[str] = []
    for word in (*words, "&&"):
        if word != "&&":
            part.append(word)
        elif part:
            yield tuple(part)
            part = []


def _run(command: Command) -> int:
    """Gives the exit status."""
    match command.words:
        case ("python", "manage.py", name, *arguments):
            return _manage(command, name, arguments)
        case ("stepper-motor", *arguments):
            return _own(command, arguments)
        case ("flask", "--app", _, "stepper-motor", *arguments):
            _parse(command, create_parser(), ["--app", "motor", *arguments])
        case ("alembic", *arguments):
            _parse(command, CommandLine("alembic").parser, arguments)
        case ("pip", "install", *packages):
            _check_extras(command, packages)
        case ("make", *targets):
            _check_targets(command, targets)
        case (program, *_):
            if program not in OTHERS:
                raise Wrong(f"{command.where}: nobody has checked what {program!r} is: add it to OTHERS")
    return 0


def _manage(command: Command, name: str, arguments: list[str]) -> int:
    apps = get_commands()
    if name not in apps:
        raise Wrong(f"{command.where}: manage.py has no command {name!r}")
    found = load_command_class(apps[name], name) if isinstance(apps[name], str) else apps[name]
    parse(found, name, arguments, command.where)
    if name != "stepper_motor" or not _ends(arguments):
        return 0
    return _check_output(command, arguments[0], lambda output: call_command(name, *arguments, stdout=output) or 0)


def parse(found: BaseCommand, name: str, arguments: list[str], where: str) -> None:
    """Hold the arguments against the command's own parser."""
    parser = found.create_parser("manage.py", name)
    parser.called_from_command_line = False  # type: ignore[attr-defined]  # so that it raises
    try:
        parser.parse_args(arguments)
    except (CommandError, SystemExit) as error:
        raise Wrong(f"{where}: manage.py {name} {' '.join(arguments)}: {error}") from error


def _own(command: Command, arguments: list[str]) -> int:
    told = _parse(command, create_parser(), arguments)
    if command.home != "sqlalchemy" or not _ends([told.command, *arguments]):
        return 0

    def call(output: io.StringIO) -> int:
        with redirect_stdout(output):
            return main(arguments)

    return _check_output(command, told.command, call)


def _parse(command: Command, parser: ArgumentParser, arguments: list[str]) -> Namespace:
    errors = io.StringIO()
    try:
        with redirect_stderr(errors):
            return parser.parse_args(arguments)
    except SystemExit as stop:
        raise Wrong(f"{command.where}: {' '.join(command.words)}: {errors.getvalue()}") from stop


def _ends(arguments: list[str]) -> bool:
    return "--once" in arguments or arguments[0] != "worker"


def _check_output(command: Command, name: str, call: Callable[[io.StringIO], int]) -> int:
    """Hold what it prints, and what it logs if it does the worker's work, against the page; gives its exit status."""
    output = io.StringIO()
    with _logged_to(output) if name in ("worker", "housekeep") else nullcontext():
        try:
            status = call(output)
        except SystemExit as stop:
            status = int(stop.code or 0)
    if command.output:
        check(_steady(command.output), _steady(output.getvalue()), command.where)
    return status


@contextmanager
def _logged_to(output: io.StringIO) -> Iterator[None]:
    """What the library logs goes there, as the worker writes it where a project has not set up logging."""
    logger = logging.getLogger("stepper_motor")
    handler = logging.StreamHandler(output)
    handler.setFormatter(logging.Formatter(_LOG_FORMAT))
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


def _steady(text: str) -> str:
    for pattern, word in _VARIES:
        text = re.sub(pattern, word, text)
    return text


def _check_extras(command: Command, packages: list[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for package in packages:
        name, _, extras = package.rstrip("]").partition("[")
        for extra in filter(None, extras.split(",")):
            if name in (project["name"], ".") and extra not in project["optional-dependencies"]:
                raise Wrong(f"{command.where}: {project['name']} has no extra {extra!r}")


def _check_targets(command: Command, words: list[str]) -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for target in [word for word in words if "=" not in word]:
        if target not in targets:
            raise Wrong(f"{command.where}: the Makefile has no target {target!r}")
