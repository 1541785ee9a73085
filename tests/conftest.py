"""What every test has: the marks `pure` and `database`, those that name one database or one home, and a line that says
where it runs."""

from __future__ import annotations

from pathlib import Path

import django
import hypothesis
import pytest

from tests import databases, homes

PURE_FOLDERS = ("journeys",)
HOMELY_FOLDERS = ("cli", "semantics", "tickets")
"""Their tests run in every home; all others in Django's."""

# No deadline: the machine may be busy with a database, and a slow example is no wrong one.
hypothesis.settings.register_profile("stepper_motor", deadline=None)
hypothesis.settings.load_profile("stepper_motor")


def pytest_report_header() -> str:
    database = databases.chosen()
    where = databases.sqlite_file(databases.name()) if database == "sqlite" else databases.server(database)
    return f"database: {database} ({where}), home: {homes.chosen()}, Django {django.__version__}"


def pytest_itemcollected(item: pytest.Item) -> None:
    """In Django, `database` means pytest-django's own mark."""
    marker = item.get_closest_marker("database")
    if marker and homes.chosen() == "django":
        item.add_marker(pytest.mark.django_db(**marker.kwargs))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    mark_pure(items)
    config.hook.pytest_deselected(items=[item for item in items if not runs_here(item)])
    items[:] = [item for item in items if runs_here(item)]


def mark_pure(items: list[pytest.Item]) -> None:
    for item in items:
        if is_in(item, PURE_FOLDERS):
            item.add_marker(pytest.mark.pure)


def runs_here(item: pytest.Item) -> bool:
    return (
        all(databases.chosen() in marker.args for marker in item.iter_markers("only_on"))
        and all(homes.chosen() in marker.args for marker in item.iter_markers("only_in"))
        and (homes.chosen() == "django" or is_in(item, HOMELY_FOLDERS))
    )


def is_in(item: pytest.Item, folders: tuple[str, ...]) -> bool:
    return any(Path(__file__).parent / folder in item.path.parents for folder in folders)


def pytest_unconfigure() -> None:
    if databases.chosen() == "sqlite":
        databases.remove_sqlite_traces(databases.name())
