"""Imports point down only: journeys < motor < sql < the homes, the queues, the tests' helpers and the doors."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.pure

SOURCE = Path(__file__).parent.parent / "src"
PACKAGE = "stepper_motor"

# What each part of the package may import of the others. "stepper_motor" is the package's own __init__.py: the public
# names. Each file of queues/ is a part of its own.
BELOW: dict[str, set[str]] = {
    "journeys": set(),
    "motor": {"journeys"},
    "stepper_motor": {"journeys", "motor"},
    "sql": {"journeys", "motor"},
    "cli": {"journeys", "motor", "stepper_motor"},
    "__main__": {"cli"},
    "django": {"journeys", "motor", "sql", "stepper_motor", "cli"},
    "sqlalchemy": {"journeys", "motor", "sql", "stepper_motor", "cli"},
    "queues": {"journeys", "motor", "stepper_motor"},
    "testing": {"journeys", "motor", "sql", "stepper_motor"},
    "dashboard": {"journeys", "motor", "sql", "stepper_motor"},
}

# What may be imported inside a function besides, when the app has it anyway.
LAZILY = {
    "testing": {"django", "sqlalchemy", "dashboard"},
    "dashboard": {"django", "sqlalchemy"},
    "cli": {"django", "sqlalchemy", "dashboard", "testing"},
}

# The core has no dependency at all; a home has its own ORM and never the other one's.
STANDARD_LIBRARY_ONLY = {"journeys", "motor", "stepper_motor"}
FORBIDDEN = {
    "sql": {"django", "asgiref", "sqlalchemy", "alembic"},
    "django": {"sqlalchemy", "alembic"},
    "sqlalchemy": {"django", "asgiref"},
    "queues": {"sqlalchemy", "alembic"},
}
# A job system is imported by the adapter that was asked for, and by nothing else.
OF_ONE_QUEUE = {
    "celery": "celery", "kombu": "celery", "rq": "rq", "dramatiq": "dramatiq", "huey": "huey", "taskiq": "taskiq",
    "procrastinate": "procrastinate", "django_tasks": "django_tasks", "django_tasks_db": "django_tasks",
}  # fmt: skip
FORBIDDEN_AT_THE_TOP = {part: {"django", "asgiref", "sqlalchemy", "alembic"} for part in LAZILY}


@dataclass(frozen=True)
class Import:
    module: str
    line: int
    lazy: bool
    """Inside a function: nothing is imported before somebody asks for it."""
    for_types: bool = False
    """Read by type checkers alone."""


def test_imports_of_the_package_point_down() -> None:
    files = sorted((SOURCE / PACKAGE).rglob("*.py"))
    assert files, f"no Python files under {SOURCE / PACKAGE}"
    wrong = [line for file in files for line in violations(module_name(file), file.read_text("utf-8"))]
    assert not wrong, "Imports that point up (DESIGN, section 3):\n" + "\n".join(wrong)


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("stepper_motor.journeys.steps", "from stepper_motor.motor.ports import Store"),
        ("stepper_motor.journeys.steps", "from ..motor import ports"),
        ("stepper_motor.journeys.steps", "from .. import motor"),
        ("stepper_motor.journeys.steps", "import stepper_motor"),
        ("stepper_motor.journeys.steps", "def late():\n    import pytest"),
        ("stepper_motor.motor.worker", "from stepper_motor import State"),
        ("stepper_motor.motor.worker", "import stepper_motor.sql.claims"),
        ("stepper_motor.sql.claims", "import django.db"),
        ("stepper_motor.django.store", "from stepper_motor.sqlalchemy import JourneyMixin"),
        ("stepper_motor.django.store", "from stepper_motor.queues import celery"),
        ("stepper_motor.queues.celery", "from stepper_motor.django import Journey"),
        ("stepper_motor.queues.celery", "from . import rq"),
        ("stepper_motor.queues.rq", "import celery"),
        ("stepper_motor.django.engine", "def f():\n    import celery"),
        ("stepper_motor.testing.plugin", "from stepper_motor.django import Journey"),
        ("stepper_motor.testing.plugin", "import django"),
        ("stepper_motor.helpers", "import os"),
    ],
)
def test_an_import_that_points_up_is_found(module: str, text: str) -> None:
    assert violations(module, text)


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("stepper_motor", "from stepper_motor.journeys.steps import step"),
        ("stepper_motor.journeys.steps", "import re\nfrom stepper_motor.journeys.outcomes import Completed"),
        ("stepper_motor.journeys.steps", "from . import outcomes"),
        ("stepper_motor.motor.worker", "from stepper_motor.journeys import lifecycle"),
        ("stepper_motor.sql.claims", "from stepper_motor.motor.ports import Store"),
        ("stepper_motor.django.store", "import django.db\nfrom stepper_motor.sql import claims"),
        ("stepper_motor.queues.celery", "import celery\nfrom stepper_motor.motor.ticket import Ticket"),
        ("stepper_motor.testing.plugin", "import pytest\ndef journeys():\n    import django, stepper_motor.django"),
    ],
)
def test_an_import_that_points_down_is_none_of_our_business(module: str, text: str) -> None:
    assert violations(module, text) == []


def test_the_core_loads_no_framework_and_starts_no_thread() -> None:
    loaded = in_a_fresh_process("import stepper_motor")
    assert loaded["frameworks"] == "", "import stepper_motor loads " + loaded["frameworks"]
    assert loaded["threads"] == "1"


def test_the_lower_storeys_load_no_framework_and_start_no_thread() -> None:
    files = [file for storey in ("journeys", "motor", "sql") for file in (SOURCE / PACKAGE / storey).rglob("*.py")]
    loaded = in_a_fresh_process("import " + ", ".join(sorted(module_name(file) for file in files)))
    assert loaded["frameworks"] == ""
    assert loaded["threads"] == "1"


def violations(module: str, text: str) -> list[str]:
    importer = part_of(module)
    if importer not in BELOW and not importer.startswith("queues."):
        return [f"{module}: say in BELOW which storey {importer} belongs to"]
    is_package = (SOURCE / Path(*module.split("."))).is_dir()
    found = imports(ast.parse(text), package=module if is_package else module.rpartition(".")[0])
    return [f"{module}:{each.line} imports {each.module}" for each in found if not allowed(importer, each)]


def allowed(importer: str, imported: Import) -> bool:
    storey = importer.partition(".")[0]
    if imported.module.partition(".")[0] == PACKAGE:
        part = part_of(imported.module)
        reachable = BELOW[storey] | {importer, storey} | (LAZILY.get(storey, set()) if imported.lazy else set())
        return part in reachable
    return allowed_from_outside(importer, imported)


def allowed_from_outside(importer: str, imported: Import) -> bool:
    storey = importer.partition(".")[0]
    distribution = imported.module.partition(".")[0]
    if distribution in OF_ONE_QUEUE and importer != f"queues.{OF_ONE_QUEUE[distribution]}":
        return False
    if storey in STANDARD_LIBRARY_ONLY:
        # Type checkers bring typing_extensions along.
        return distribution in sys.stdlib_module_names or (imported.for_types and distribution == "typing_extensions")
    if distribution in FORBIDDEN.get(storey, set()):
        return False
    return imported.lazy or distribution not in FORBIDDEN_AT_THE_TOP.get(storey, set())


def part_of(module: str) -> str:
    """The part of the package a module belongs to: its folder, or its file in queues/ and at the top."""
    names = module.split(".")[1:]
    if not names:
        return PACKAGE
    return ".".join(names[:2]) if names[0] == "queues" else names[0]


def module_name(file: Path) -> str:
    names = file.relative_to(SOURCE).with_suffix("").parts
    return ".".join(names[:-1] if names[-1] == "__init__" else names)


def imports(node: ast.AST, *, package: str, lazy: bool = False, for_types: bool = False) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        yield from (Import(alias.name, node.lineno, lazy, for_types) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        origin = absolute(node, package)
        yield from (Import(submodule(origin, alias.name), node.lineno, lazy, for_types) for alias in node.names)
    lazy = lazy or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    checking = isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    for child in ast.iter_child_nodes(node):
        yield from imports(child, package=package, lazy=lazy, for_types=for_types or checking)


def absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parents = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*parents, *filter(None, [node.module])])


def submodule(origin: str, name: str) -> str:
    """`from a import b` may mean the module a.b, or a name that a/__init__.py has."""
    folder = SOURCE / Path(*origin.split("."))
    is_part = (origin == PACKAGE and name in BELOW) or origin == f"{PACKAGE}.queues"
    is_module = (folder / name).is_dir() or (folder / f"{name}.py").exists()
    return f"{origin}.{name}" if is_part or is_module else origin


def in_a_fresh_process(statement: str) -> dict[str, str]:
    report = (
        "import sys, threading\n"
        "names = {'django', 'asgiref', 'sqlalchemy', 'alembic', 'pytest'} & set(sys.modules)\n"
        "print('frameworks=' + ' '.join(sorted(names)))\n"
        "print('threads=%d' % threading.active_count())\n"
    )
    path = os.pathsep.join([str(SOURCE), *filter(None, [os.environ.get("PYTHONPATH")])])
    answer = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{statement}\n{report}"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert answer.returncode == 0, answer.stderr
    return dict(line.split("=", 1) for line in answer.stdout.splitlines())
