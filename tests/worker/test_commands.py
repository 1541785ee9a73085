"""`manage.py stepper_motor worker | housekeep | doctor`, as a shell or a service manager calls them."""

from __future__ import annotations

import os
import signal
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from stepper_motor import State, now
from stepper_motor.motor.clock import SetClock, installing
from tests.conditions import wait_until
from tests.shop.journeys import Drip
from tests.worker import diary
from tests.worker.journeys import Gated, Short

pytestmark = pytest.mark.django_db(transaction=True)

of_processes = pytest.mark.only_on("sqlite")
"""What a supervisor does with its processes is the same whatever the database."""


def run(*arguments):
    """The exit status and the output of a command, run in this process."""
    output = StringIO()
    try:
        call_command("stepper_motor", *arguments, stdout=output)
    except SystemExit as end:
        return end.code, output.getvalue()
    return 0, output.getvalue()


def test_once_performs_what_is_due_and_ends(diary_folder):
    due, later = [Short.start() for _ in range(5)], Short.start(at=now() + timedelta(hours=1))

    assert run("worker", "--once") == (0, "")
    assert all(diary.words(journey.pk) == ["one", "two", "three"] for journey in due)
    assert diary.words(later.pk) == []


def test_once_keeps_the_house_first_and_performs_what_was_lost(diary_folder):
    journey = Short.start()
    _lose(journey)

    assert run("worker", "--once") == (0, "")
    assert diary.words(journey.pk) == ["one", "two", "three"]


def test_types_performs_these_alone(diary_folder):
    short, drip = Short.start(), Drip.start()

    assert run("worker", "--once", "--types", Short.definition.type_name) == (0, "")

    short.refresh_from_db()
    drip.refresh_from_db()
    assert (short.state, drip.state) == (State.FINISHED, State.READY)


@of_processes
@pytest.mark.processes
def test_several_processes_share_the_work_and_a_dead_one_is_started_again(crew):
    supervisor = crew.start("worker", "--processes", "2", "--concurrency", "1")
    wait_until(lambda: supervisor.names.count("worker_started") == 2)
    held = [Gated.start() for _ in range(2)]
    wait_until(lambda: diary.words().count("began") == 2, what="each process runs a step")
    first, second = supervisor.children

    os.kill(first, signal.SIGKILL)
    wait_until(lambda: supervisor.names.count("worker_started") == 3, what="another is started in its place")
    assert second in supervisor.children
    diary.open_gate()
    wait_until(lambda: Gated.objects.finished().count() == len(held))

    for child in supervisor.children:
        os.kill(child, signal.SIGTERM)  # as a service manager does that signals all processes
    assert supervisor.stops() == 0
    assert supervisor.names.count("worker_stopped") == 2


@of_processes
@pytest.mark.processes
def test_a_supervisor_lets_running_steps_end_and_a_second_signal_ends_all_at_once(crew):
    supervisor = crew.start("worker", "--processes", "2")
    wait_until(lambda: supervisor.names.count("worker_started") == 2)
    Gated.start()
    wait_until(lambda: "began" in diary.words())
    children = supervisor.children
    supervisor.send(signal.SIGINT)
    wait_until(lambda: supervisor.names.count("worker_stopping") == 2)

    supervisor.send(signal.SIGTERM)
    assert supervisor.ends(5) == 128 + signal.SIGTERM
    wait_until(lambda: not any(_is_alive(pid) for pid in children), limit=5)


@of_processes
@pytest.mark.processes
def test_the_processes_of_a_supervisor_that_was_killed_stop_by_themselves(crew):
    supervisor = crew.start("worker", "--processes", "2")
    wait_until(lambda: supervisor.names.count("worker_started") == 2)
    children = supervisor.children

    supervisor.kill()

    wait_until(lambda: supervisor.names.count("worker_stopped") == 2, limit=10)
    wait_until(lambda: not any(_is_alive(pid) for pid in children), limit=5)


@of_processes
@pytest.mark.processes
def test_once_with_several_processes_ends_when_all_are_done(crew):
    journeys = [Short.start() for _ in range(20)]

    assert crew.start("worker", "--once", "--processes", "2").ends() == 0
    assert {diary.counts()[str(journey.pk), "three"] for journey in journeys} == {1}


def test_the_worker_deletes_what_ended_long_ago_and_keeps_the_rest():
    with installing(SetClock(now() - timedelta(days=40))):
        old = Short.start()
        old.cancel()
    recent = Short.start()
    recent.cancel()

    assert run("worker", "--once") == (0, "")
    assert list(Short.objects.values_list("pk", flat=True)) == [recent.pk]
    assert not Short.History.objects.filter(journey_id=old.pk).exists()


def test_housekeep_says_what_it_did():
    lost = Short.start()
    _lose(lost)

    assert run("housekeep") == (0, "recovered 1, deleted 0, failed 0\n")
    lost.refresh_from_db()
    assert (lost.state, lost.losses) == (State.READY, 1)


def test_doctor_fails_for_journeys_that_this_code_does_not_know():
    journeys = [Short.start() for _ in range(3)]
    assert run("doctor") == (0, "Every journey in flight stands at a step that this code knows.\n")
    _set(journeys[0], "next_step_name", "gone")
    _set(journeys[1], "type", "removed.Journey")

    status, output = run("doctor")

    assert status == 1
    assert "at step 'gone'" in output
    assert "'removed.Journey'" in output


REFUSED = [
    (["worker", "--concurrency", "0"], "at least 1"),
    (["worker", "--processes", "-1"], "at least 1"),
    (["worker", "--async-concurrency", "many"], "at least 1"),
    (["worker", "--types", "Nobody"], "there is no journey type 'Nobody'"),
    (["work"], "invalid choice"),
    ([], "required"),
]


def test_wrong_arguments_are_refused_with_a_reason():
    for arguments, says in REFUSED:
        with pytest.raises(CommandError, match=says):
            run(*arguments)


def test_wrong_settings_are_refused_with_a_reason(settings):
    settings.STEPPER_MOTOR = {"LEESE": 5}
    with pytest.raises(CommandError, match="did you mean 'LEASE'"):
        run("worker", "--once")


@pytest.mark.processes
@pytest.mark.slow
def test_a_worker_stays_small_however_many_wait(crew):
    with installing(SetClock(now() + timedelta(days=1))):
        Short.objects.bulk_create([Short() for _ in range(2_000)])
    worker = crew.worker()
    Short.start()
    wait_until(lambda: "three" in diary.words())

    assert worker.resident < 150e6


def _lose(journey):
    """As if its performer had died."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE stepper_motor_journeys SET state = 'performing', performed_by = 'somebody who died', "
            "lease_expires_at = arrived_at WHERE id = %s",
            [journey.pk],
        )


def _set(journey, column, value):
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE stepper_motor_journeys SET {column} = %s WHERE id = %s", [value, journey.pk])


def _is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
