"""What every test has: the mark `pure` by folder, `only_on` for one database, and a line that says where it runs."""

from __future__ import annotations

from pathlib import Path

import django
import hypothesis
import pytest

from tests import databases

PURE_FOLDERS = ("journeys",)

# No deadline: the machine may be busy with a database, and a slow example is no wrong one.
hypothesis.settings.register_profile("stepper_motor", deadline=None)
hypothesis.settings.load_profile("stepper_motor")


def pytest_report_header() -> str:
    database = databases.chosen()
    where = databases.sqlite_file(databases.name()) if database == "sqlite" else databases.server(database)
    return f"database: {database} ({where}), Django {django.__version__}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    mark_pure(items)
    config.hook.pytest_deselected(items=[item for item in items if not runs_here(item)])
    items[:] = [item for item in items if runs_here(item)]


def mark_pure(items: list[pytest.Item]) -> None:
    pure = [Path(__file__).parent / folder for folder in PURE_FOLDERS]
    for item in items:
        if any(folder in item.path.parents for folder in pure):
            item.add_marker(pytest.mark.pure)


def runs_here(item: pytest.Item) -> bool:
    return all(databases.chosen() in marker.args for marker in item.iter_markers("only_on"))


def pytest_unconfigure() -> None:
    if databases.chosen() == "sqlite":
        databases.remove_sqlite_traces(databases.name())
