"""The pytest plugin: the helpers as fixtures, and two things every test gets without asking.

- Time is real again after each test, however the test moved it.
- A verb that rolled back a transaction block of its own step is an error of the test: in production it is a warning
  and a line in the history.

Every pytest run of an environment loads this file, so it imports no ORM.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from stepper_motor import testing
from stepper_motor.motor import clock as library
from stepper_motor.motor.clock import SetClock, SystemClock
from stepper_motor.motor.events import Event, listen_everywhere

MARKER = "allow_rolled_back_blocks"
ADVICE = (
    "Return the outcome instead (return Canceled(...)), so that the block is committed, or call the verb after the "
    f"block. Is it meant? Then mark the test with @pytest.mark.{MARKER}."
)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", f"{MARKER}: a verb of a journey may roll back a transaction block of its own step in this test"
    )


@pytest.fixture(autouse=True)
def _stepper_motor(request: pytest.FixtureRequest) -> Iterator[None]:
    told: list[Event] = []
    end = listen_everywhere(told.append)
    try:
        with _time_is_kept():
            yield
    finally:
        end()
    if request.node.get_closest_marker(MARKER) is None:
        _fail_for(told)


@contextmanager
def _time_is_kept() -> Iterator[None]:
    """Afterwards the clock is the one of before, unless the project's settings installed theirs meanwhile."""
    before = library.installed()
    at = before.at if isinstance(before, SetClock) else None
    if type(before) is SystemClock:
        library.install(testing.process_clock)
    ours = library.installed()
    try:
        yield
    finally:
        if library.installed() is ours or isinstance(library.installed(), SetClock):
            library.install(before)
        if isinstance(before, SetClock) and at is not None:
            before.set(at)


def _fail_for(told: list[Event]) -> None:
    remarks = [event for event in told if event.name == "remark" and _is_rolled_back(event)]
    if remarks:
        lines = [f"{event.journey_type} {event.journey_id}, step {event.step}: {event.detail}" for event in remarks]
        pytest.fail("\n".join([*lines, ADVICE]), pytrace=False)


def _is_rolled_back(event: Event) -> bool:
    from stepper_motor.motor.attempt import ROLLED_BACK_BLOCK

    return event.detail == ROLLED_BACK_BLOCK


@pytest.fixture
def journey_clock() -> SetClock:
    """The library's clock, standing still at the present until the test moves it: `move(by)`, `set(at)`, `now()`."""
    standing = SetClock(library.now())
    library.install(standing)
    return standing


@pytest.fixture
def clock(journey_clock: SetClock) -> SetClock:
    """`journey_clock` by a shorter name. Fixtures of your own of this name come first."""
    return journey_clock


@pytest.fixture
def travel() -> Callable[..., testing.Travel]:
    """`stepper_motor.testing.travel`: set the library's clock, or go from now."""
    return testing.travel


@pytest.fixture
def speedrun() -> Callable[..., list[testing.Performed]]:
    """`stepper_motor.testing.speedrun`: perform all steps of a journey to its end."""
    return testing.speedrun


@pytest.fixture
def perform_next_step() -> Callable[..., Any]:
    """`stepper_motor.testing.perform_next_step`: one step, whether it is due or not."""
    return testing.perform_next_step


@pytest.fixture
def perform_step() -> Callable[..., Any]:
    """`stepper_motor.testing.perform_step`: this very step."""
    return testing.perform_step


@pytest.fixture
def run_due() -> Callable[..., list[testing.Performed]]:
    """`stepper_motor.testing.run_due`: everything that is due now, of all journeys."""
    return testing.run_due
