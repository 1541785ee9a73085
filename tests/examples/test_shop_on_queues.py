"""The shop on Celery and on Django's tasks does what its page says: real servers, real workers, one of them killed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from amqp.exceptions import NotFound
from kombu import Connection

from examples.shop.stage.staff import STAFF
from tools.brokers import RabbitMQ, running
from tools.services import PostgreSQL

ROOT = Path(__file__).parent.parent.parent
SHOP = ROOT / "examples" / "shop"
CLAIM = re.compile(r"^  (yes|no )  (.+)$", re.MULTILINE)
COMMANDS = {
    "celery": ("celery -A project worker", "celery -A project beat"),
    "django-tasks": ("manage.py db_worker", "manage.py stepper_motor worker --dispatch-only"),
}
"""What performs the steps, and what sweeps."""
QUEUES = list(COMMANDS)

pytestmark = [pytest.mark.processes, pytest.mark.only_on("postgresql")]


class Run:
    """Python with these arguments in the shop's folder, with nothing of the tests' own settings, to its end."""

    def __init__(self, *arguments, limit=60, **environment):
        ours = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
        with subprocess.Popen(
            [sys.executable, *arguments], cwd=SHOP, env={**ours, **environment}, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        ) as process:  # fmt: skip
            try:
                self.output, _ = process.communicate(timeout=limit)
            finally:
                process.terminate()  # Where it took too long: it stops the processes that it has started.
        self.code = process.returncode
        self.pid = process.pid

    def left_on_postgresql(self):
        """Databases of the demo that are still there."""
        return PostgreSQL().query(
            "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", f"stepper_motor_shop_{self.pid}_"
        )


def play(queue, folder, **environment):
    """A short demo, which has to keep its claims though a worker is killed; returns what its workers wrote."""
    options = ["--heroes", "30", "--seconds", "20", "--folder", str(folder)]
    demo = Run("demo.py", "--queue", queue, *options, limit=150, **environment)
    claims = CLAIM.findall(demo.output)
    assert (demo.code, len(claims), {answer for answer, _ in claims}) == (0, 11, {"yes"}), demo.output[-4000:]
    assert "SIGKILL for worker 1" in demo.output
    assert "taken over: " in demo.output
    assert demo.left_on_postgresql() == []
    return "".join(log.read_text("utf-8", "replace") for log in folder.glob("worker-*.log"))


def left_on_rabbitmq(url, name):
    """What of the demo's is still declared there."""
    exchanges = (name, f"{name}.events", f"{name}.pidbox", f"reply.{name}.pidbox")
    asked = [("queue", name), *(("exchange", exchange) for exchange in exchanges)]
    return [each for each in asked if is_declared(url, *each)]


def is_declared(url, kind, name):
    with Connection(url) as connection:
        channel = connection.default_channel
        ask = {"queue": partial(channel.queue_declare, name), "exchange": partial(channel.exchange_declare, name, "")}
        try:
            ask[kind](passive=True)
        except NotFound:
            return False
    return True


@pytest.mark.slow
@pytest.mark.brokers
@pytest.mark.timeout(240)
def test_on_celery_the_demo_adds_up_though_a_worker_is_killed(tmp_path):
    with running(RabbitMQ) as broker:
        written = play("celery", tmp_path, STEPPER_MOTOR_RABBITMQ_URL=broker.url)
        (name,) = set(re.findall(r"stepper_motor_shop_\d+_[0-9a-f]+", written))
        assert left_on_rabbitmq(broker.url, name) == []
    assert re.search(r"Task stepper_motor\.perform_step\[.+\] succeeded", written)
    assert re.search(r"Task stepper_motor\.sweep\[.+\] succeeded", written)


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_on_djangos_tasks_the_demo_adds_up_though_a_worker_is_killed(tmp_path):
    written = play("django-tasks", tmp_path)
    assert "path=stepper_motor.queues.django_tasks.perform_step state=SUCCESSFUL" in written
    assert " recovered " in (tmp_path / "sweeper.log").read_text()


def test_a_broker_that_is_not_there_is_told_and_nothing_is_left(tmp_path):
    nowhere = "amqp://guest:guest@127.0.0.1:1//"
    demo = Run("demo.py", "--queue", "celery", "--folder", str(tmp_path), STEPPER_MOTOR_RABBITMQ_URL=nowhere)
    assert demo.code == 1
    assert "STEPPER_MOTOR_RABBITMQ_URL names a RabbitMQ that can't be reached: " in demo.output
    assert "heroes" not in demo.output
    assert demo.left_on_postgresql() == []


@pytest.mark.parametrize("queue", QUEUES)
def test_its_settings_are_in_order(queue, tmp_path):
    checked = Run("manage.py", "check", SHOP_QUEUE=queue, SHOP_FOLDER=str(tmp_path))
    assert (checked.code, checked.output.strip()) == (0, "System check identified no issues (0 silenced).")


def test_a_queue_that_there_is_not_is_told(tmp_path):
    checked = Run("manage.py", "check", SHOP_QUEUE="pigeons", SHOP_FOLDER=str(tmp_path))
    assert "SHOP_QUEUE must be celery or django-tasks, got 'pigeons'" in checked.output


@pytest.mark.parametrize("queue", QUEUES)
def test_the_demo_runs_what_its_page_and_the_manual_say(queue):
    page = (SHOP / "README.md").read_text()
    manual = (ROOT / "docs" / "queues" / f"{queue}.md").read_text()
    started = [" ".join(arguments) for arguments in (STAFF[queue].worker, *STAFF[queue].beside.values())]
    for command, line in zip(COMMANDS[queue], started, strict=True):
        assert line.removeprefix("-m ").startswith(command)
        assert f"{command}`" in page
        assert f"{command.replace('-A project', '-A shop')}\n" in manual
