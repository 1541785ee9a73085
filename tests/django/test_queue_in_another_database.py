"""A queue whose jobs are rows of another database, as Procrastinate and django-tasks-db may have it."""

from __future__ import annotations

import pytest
from django.db import connection, connections

from stepper_motor import ForwardScheduler, step
from stepper_motor.django import Journey
from tests import databases
from tests.home import configured
from tests.home.connection_number import CONNECTION_NUMBER, KILL
from tests.tickets.keeping import KeepingQueue

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "tasks"]),
    pytest.mark.only_on("postgresql", "mariadb"),
]


class Short(Journey):
    @step
    def one(self): ...


class RowsElsewhere(KeepingQueue):
    def enqueue(self, ticket, at, options):
        self.asked += 1
        with connections["tasks"].cursor() as cursor:
            cursor.execute("SELECT 1")
        super().enqueue(ticket, at, options)


@pytest.fixture(scope="module", autouse=True)
def other_database(django_db_setup):
    """The same one by another name, and so over another connection."""
    connections.settings["tasks"] = {**connections.settings["default"]}
    yield
    connections["tasks"].close()
    del connections["tasks"], connections.settings["tasks"]


def test_a_thread_that_lost_its_connection_to_it_has_another_for_the_next_ticket():
    queue = RowsElsewhere()
    with configured(scheduler=ForwardScheduler(queue)):
        Short.start()
        kill_connection_of("tasks")
        Short.start()
        assert len(queue.jobs) == 1
        Short.start()
        assert len(queue.jobs) == 2


def kill_connection_of(alias):
    with connections[alias].cursor() as cursor:
        cursor.execute(CONNECTION_NUMBER[databases.chosen()])
        (number,) = cursor.fetchone()
    with connection.cursor() as cursor:
        cursor.execute(KILL[databases.chosen()].format(number))
