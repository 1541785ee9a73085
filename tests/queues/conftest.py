"""What the tests of the job systems share."""

from __future__ import annotations

import pytest

from tests.clock import clock  # noqa: F401  # a fixture
from tests.home.django import forget_journeys_of_a_test
from tests.worker import diary


@pytest.fixture(autouse=True)
def _forget_the_journeys_of_a_test():
    yield
    forget_journeys_of_a_test()


@pytest.fixture(scope="class")
def diary_folder(tmp_path_factory):
    """One diary for a class: its worker processes live as long."""
    folder = tmp_path_factory.mktemp("diary")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(diary.FOLDER, str(folder))
        yield folder
