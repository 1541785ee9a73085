"""What the tests of the commands share: the database and the clock of the semantics' tests, and a hero."""

from __future__ import annotations

import pytest

from tests.home import Customer, create
from tests.semantics.conftest import (  # noqa: F401  # fixtures, and a hook
    _database,
    _forget_the_journeys_of_a_test,
    _in_the_database,
    clock,
    pytest_runtest_protocol,
)


@pytest.fixture
def ada():
    return create(Customer, name="Ada")
