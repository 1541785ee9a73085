"""What the tests of scaling out share: PgBouncer, and worker processes that reach the database through it."""

from __future__ import annotations

import pytest

from tests.scaling.bouncer import bouncing, require
from tests.worker.conftest import crew, diary_folder  # noqa: F401  # fixtures


@pytest.fixture
def bouncer():
    """PgBouncer in transaction mode, with fewer connections to the server than its clients have to it."""
    require()
    with bouncing() as bouncer:
        yield bouncer
