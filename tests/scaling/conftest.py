"""What the tests of scaling out share: PgBouncer, and worker processes that reach the database through it."""

from __future__ import annotations

import pytest

from tests.scaling.bouncer import bouncing, require
from tests.worker import diary
from tests.worker.processes import Crew


@pytest.fixture
def bouncer():
    """PgBouncer in transaction mode, with fewer connections to the server than its clients have to it."""
    require()
    with bouncing() as bouncer:
        yield bouncer


@pytest.fixture
def crew(transactional_db, diary_folder):
    """Starts worker processes on the test's database; none outlives the test."""
    crew = Crew(diary_folder)
    yield crew
    crew.end()


@pytest.fixture
def diary_folder(tmp_path, monkeypatch):
    monkeypatch.setenv(diary.FOLDER, str(tmp_path))
    return tmp_path
