"""Worker processes of a Django project and of a SQLAlchemy service, at work on one table at once."""

from __future__ import annotations

from collections import Counter

import pytest

from tests import databases
from tests.conditions import wait_until
from tests.shop.models import Spy
from tests.two_orms import sqlalchemy_side
from tests.worker import diary
from tests.worker.processes import DJANGO

pytestmark = pytest.mark.processes

MANY = {"sqlite": 60, "postgresql": 300, "mariadb": 100}[databases.chosen()]
WAVE = 15
NEVER = 60
"""Seconds between two looks of a worker that is to be woken."""
SQLALCHEMY = ("stepper_motor", "--app", "tests.two_orms.sqlalchemy_side")


@pytest.fixture
def work(crew):
    """Starts a worker of the side of this name; with SQLAlchemy, on a sync or an async driver."""

    def work(name, driver="sync", **settings):
        if name == "django":
            environment = {"DJANGO_SETTINGS_MODULE": "tests.two_orms.settings"}
            told = {name.upper(): value for name, value in settings.items()}
            return crew.worker(program=DJANGO, environment=environment, **told)
        return crew.worker(program=SQLALCHEMY, environment={sqlalchemy_side.DRIVER: driver}, **settings)

    return work


def performers():
    return [word.split()[1] for word in diary.words()]


def both_have_performed():
    """On SQLite one may well get all of the turns to write, for so short a while."""
    return databases.chosen() == "sqlite" or {*performers()} == {"django", "sqlalchemy"}


def finished(one):
    return len(one.ids("Relay", "finished"))


@pytest.mark.slow
@pytest.mark.parametrize("driver", ["sync", "async"])
def test_both_at_once_perform_every_step_exactly_once_and_log_no_error(sides, work, driver):
    workers = [work("django"), work("sqlalchemy", driver)]
    started = 0
    while started < MANY or not both_have_performed():
        assert started < 20 * MANY, Counter(performers())
        for side in sides.values():
            for number in range(WAVE):
                side.create("Customer", name=f"{started + number}")
            side.start_for_all("Relay", unless="ever")
            started += WAVE
    wait_until(lambda: finished(sides["django"]) == started, limit=60)

    assert [worker.stops() for worker in workers] == [0, 0]
    assert [worker.logged("ERROR", "WARNING", "CRITICAL") for worker in workers] == [[], []]
    bodies = [(id, word.split()[0]) for id, word in diary.lines()]
    told = Counter(Spy.objects.values_list("journey_id", "word"))
    assert len(bodies) == len(set(bodies)) == 3 * started
    assert (set(bodies), set(told.values())) == (told.keys(), {1})


@pytest.mark.parametrize("tables", ["sqlalchemy"], indirect=True)
@pytest.mark.parametrize(("driver", "doomed"), [("sync", "sqlalchemy"), ("async", "sqlalchemy"), ("sync", "django")])
def test_what_a_killed_worker_of_the_one_held_is_performed_by_the_other(sides, work, driver, doomed):
    ids = [side.start("Relay") for side in sides.values() for _ in range(10)]
    killed = work(doomed, driver, lease=2)
    wait_until(lambda: len(diary.lines()) > 5)
    killed.kill()
    other = work(next(name for name in sides if name != doomed), driver, lease=2)
    wait_until(lambda: finished(sides["django"]) == len(ids), limit=30)

    for id in ids:
        seen = sides["sqlalchemy"].look(id)
        assert [outcome for outcome in seen.outcomes if outcome[1] != "lost"] == [
            (step, "completed") for step in ("one", "two", "three")
        ]
        assert 3 <= len(diary.words(id)) <= len(seen.outcomes)
    assert other.stops() == 0


@pytest.mark.only_on("postgresql")
@pytest.mark.parametrize("tables", ["django"], indirect=True)
@pytest.mark.parametrize(("driver", "name"), [("sync", "sqlalchemy"), ("async", "sqlalchemy"), ("sync", "django")])
def test_a_commit_of_the_one_wakes_the_worker_of_the_other(sides, work, driver, name):
    work(name, driver, poll_interval=NEVER)
    other = next(side for side in sides.values() if side.name != name)
    for number in range(1, 6):
        other.start("Relay")
        wait_until(lambda number=number: finished(other) == number, limit=10)
