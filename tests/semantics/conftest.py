"""What the tests of the semantics share: a database, a clock that stands still until it is moved, and a hero."""

from __future__ import annotations

import pytest
from _pytest.runner import runtestprotocol

from tests.clock import clock  # noqa: F401  # a fixture
from tests.home import Customer, a_test, create, database, forget_journeys_of_a_test, spawned


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool:
    """Run the test with all its fixtures where the driver of the home can be waited for."""
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    spawned(lambda: runtestprotocol(item, nextitem=nextitem))
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


@pytest.fixture(scope="session", autouse=True)
def _database():
    with database():
        yield


@pytest.fixture(autouse=True)
def _in_the_database(_database, request):
    """Before any other fixture asks it."""
    marker = request.node.get_closest_marker("database")
    if marker is None:
        yield
        return
    with a_test(rolled_back=not marker.kwargs.get("transaction", False)):
        yield


@pytest.fixture(autouse=True)
def _forget_the_journeys_of_a_test():
    yield
    forget_journeys_of_a_test()


@pytest.fixture
def customer():
    return create(Customer, name="Ada")
