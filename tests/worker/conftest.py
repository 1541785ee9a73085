"""What the tests of the worker share."""

from __future__ import annotations

import pytest

from tests.worker import diary
from tests.worker.processes import Crew


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
