"""RQ, Dramatiq, Huey and taskiq perform the journeys of a service with SQLAlchemy, on sync and on async drivers."""

from __future__ import annotations

import pytest

from stepper_motor import ForwardScheduler
from stepper_motor.sqlalchemy import Motor
from tests.conditions import wait_until
from tests.queues.celery_app import BROKER
from tests.queues.on_sqlalchemy import DONE, Sweeping, finished, sessions  # noqa: F401  # a fixture
from tests.queues.sqlalchemy_service import SYSTEM, made
from tests.queues.sweeping import LIMIT
from tests.queues.systems import QueueWorker
from tests.sqlalchemy import service
from tests.sqlalchemy.errands import Journey, Short, of
from tests.worker import diary
from tools.brokers import Redis, running

pytestmark = [pytest.mark.brokers, pytest.mark.only_on("postgresql")]
MODULE = "tests.queues.sqlalchemy_service"
HUEY = ["huey.bin.huey_consumer", f"{MODULE}.started_with", "--workers", "2"]
WORKERS = {
    "rq": (["rq.cli", "worker", "--config", MODULE, "--with-scheduler", "default"], "Listening on"),
    "dramatiq": (
        ["dramatiq", f"{MODULE}:started_with", "--processes", "1", "--threads", "2"],
        "Worker process is ready for action",
    ),
    "huey": (HUEY, "Huey consumer started"),
    "huey, in processes": ([*HUEY, "--worker-type", "process"], "Huey consumer started"),
    "taskiq": (
        ["taskiq", "worker", f"{MODULE}:started_with", "--workers", "1", "--max-threadpool-threads", "2"],
        "Listening started.",
    ),
}
"""How each is started as its page says, and what it prints when it is ready."""


@pytest.fixture(scope="module")
def broker():
    with running(Redis) as broker:
        yield broker


@pytest.fixture(params=["sync", "async"])
def driver(request):
    return request.param


@pytest.fixture(params=WORKERS)
def system(request, driver, broker, sessions, diary_folder):
    """The name of the job system whose worker is at work."""
    arguments, ready = WORKERS[request.param]
    system = request.param.partition(",")[0]
    told = {SYSTEM: system, BROKER: broker.url, service.DRIVER: driver, "DJANGO_SETTINGS_MODULE": ""}
    worker = QueueWorker(arguments, diary_folder / f"{request.node.name}.log", told)
    try:
        wait_until(lambda: ready in worker.output or worker.status is not None, limit=60, what="a worker is ready")
        assert worker.status is None, worker.output
        yield system
    finally:
        worker.kill()


@pytest.fixture
def motor(system, broker, sessions):
    """The motor of the test's process, as the service's web workers have it."""
    motor = Motor(sessions, journeys=Journey, scheduler=ForwardScheduler(made(system, broker.url)[0]))
    yield motor
    motor.close()


@pytest.mark.timeout(180)
def test_its_journeys_run_to_their_end(motor, driver, sessions):
    with sessions.begin() as session:
        journeys = [of(driver, Short).start(session) for _ in range(5)]
    sweep = Sweeping(motor)
    wait_until(lambda: sweep() or finished(sessions, *journeys), limit=LIMIT)
    assert [diary.words(journey.id) for journey in journeys] == [DONE] * 5
