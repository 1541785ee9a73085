"""A process that forks after it has used its motor: each of the two has connections, threads and an event loop of its
own, and the end of one is no concern of the other's."""

from __future__ import annotations

import psycopg
import pytest

from tests.conditions import wait_until
from tests.sqlalchemy import service
from tests.sqlalchemy.app import SYNC, url
from tests.sqlalchemy.errands import Short
from tests.worker import diary
from tests.worker.processes import Crew

pytestmark = pytest.mark.processes


@pytest.fixture
def fork(sessions, diary_folder, driver):
    """Starts the app that forks."""
    crew = Crew(diary_folder)
    yield lambda does: crew.start(does, program=("tests.sqlalchemy.forking",), environment={service.DRIVER: driver})
    crew.end()


def test_a_motor_that_was_used_before_a_fork_performs_in_both_processes_at_once(fork, desk):
    app = fork("perform")
    assert app.ends(limit=60) == 0, app.output
    assert desk.states(Short) == {"finished": 42}
    assert sorted(desk.notes()) == sorted(["one", "two", "three"] * 42)
    assert app.output == ""


@pytest.mark.only_on("postgresql")
def test_a_fork_announces_what_is_ready_as_its_parent_does(fork):
    with psycopg.connect(url(SYNC, service.NAME).set(drivername="postgresql").render_as_string(False)) as listening:
        listening.autocommit = True
        listening.execute("LISTEN stepper_motor")
        app = fork("announce")
        heard: set[int] = set()

        def have_announced(number) -> bool:
            heard.update(each.pid for each in listening.notifies(timeout=0.2))
            assert app.status is None, app.output
            return len(heard) == number

        wait_until(lambda: have_announced(1), what="the parent has announced something")
        heard.clear()
        diary.open_gate("fork")
        wait_until(lambda: have_announced(2), what="both processes have announced something")
    diary.open_gate("gate")
    assert app.ends() == 0, app.output
    assert app.output == ""
