"""The FastAPI example does what its page says: through real HTTP, on SQLite and PostgreSQL."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from examples.backstage import Backstage
from examples.fastapi_service.demo import HERE, Service
from tests import databases
from tests.sqlalchemy import app

pytestmark = [pytest.mark.processes, pytest.mark.only_on("sqlite", "postgresql")]
ROOT = Path(__file__).parent.parent.parent


@contextmanager
def empty_database():
    """Gives the address of a database that is there within the block."""
    name = f"{databases.name()}_payments"
    with app.database(name):
        yield app.url(app.ASYNC, name).render_as_string(hide_password=False)


@pytest.fixture
def url():
    with empty_database() as url:
        yield url


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """The bank and the web app, and no worker, for several tests."""
    with empty_database() as url, Backstage(tmp_path_factory.mktemp("service")) as backstage:
        yield Service(backstage, url, has_worker_inside=False)


def test_a_payment_and_its_journey_are_there_when_the_answer_comes(service):
    accepted = service.pay("NL01BOB", 25_00)
    assert (accepted.status_code, accepted.json()["state"]) == (201, "ready")
    shown = service.show(accepted.json()["id"])
    assert (shown["state"], shown["booked"], shown["history"]) == ("ready", [], [])
    assert "for step 'order'" in shown["explanation"]


def test_a_request_that_is_refused_leaves_neither_payment_nor_journey(service):
    before = service.ids()
    assert service.pay("NL01BOB", 2_000_000).status_code == 409
    assert service.pay("NL01BOB", 0).status_code == 422
    assert service.pay("NL01BOB", 25_00, at=datetime(2030, 1, 1)).status_code == 422  # noqa: DTZ001  # a naive time
    assert service.ids() == before


def test_a_payment_is_paused_resumed_and_taken_back(service):
    payment = service.pay("NL02EVE", 25_00, at=datetime.now(UTC) + timedelta(days=1)).json()["id"]

    paused = service.steer(payment, "pause", by="olga", reason="odd").json()
    assert (paused["state"], service.ids("paused"), payment in service.ids("ready")) == ("paused", [payment], False)
    assert service.steer(payment, "pause", by="olga").json() == {"detail": "can't pause a journey that is paused"}
    assert service.steer(payment, "resume", by="olga").json()["state"] == "ready"
    canceled = service.steer(payment, "cancel", by="Ada", reason="thought better of it").json()

    told = [(entry["outcome"], entry["by"], entry["reason"]) for entry in canceled["history"]]
    assert told == [
        ("paused", "olga", "odd"),
        ("resumed", "olga", None),
        ("canceled", "Ada", "thought better of it"),
    ]
    assert service.steer(payment, "cancel", by="Ada").status_code == 409


def test_payments_are_found_and_shown_on_the_command_line(service):
    payment = service.pay("NL01BOB", 25_00, at=datetime.now(UTC) + timedelta(days=1)).json()["id"]

    (found,) = service.command("list", "--hero", f"payments:{payment}", "--json")
    assert [json.loads(found)[name] for name in ("type", "state", "next_step_name")] == [
        "PaymentJourney",
        "ready",
        "order",
    ]
    assert "for step 'order'" in "".join(service.command("show", str(json.loads(found)["id"])))


def test_a_payment_that_is_not_there_is_not_found(service):
    assert service.steer(1_000, "pause", by="olga").status_code == 404
    assert service.steer(1_000, "cancel", by="olga").status_code == 404


def test_payments_wait_for_a_worker_and_are_moved_by_it(service):
    payment = service.pay("NL03MAX", 99_00).json()["id"]
    assert service.ledger() == []

    service.start_worker()
    shown = service.wait_for_end(payment)
    service.worker.stop()

    assert (shown["state"], shown["booked"]) == ("finished", [99_00])
    steps = [entry["step_name"] for entry in shown["history"] if entry["outcome"] == "completed"]
    assert steps == ["order", "confirm", "book"]
    moved = [transfer["moved"] for transfer in service.ledger() if transfer["order"]["account"] == "NL03MAX"]
    assert moved == [1]


def test_a_payment_that_the_bank_may_know_of_is_not_taken_back(service):
    service.close_bank()
    payment = service.pay("NL04LEA", 25_00).json()["id"]

    service.start_worker()
    service.wait_for(payment, lambda shown: shown["history"], "the bank is asked")
    refused = service.steer(payment, "cancel", by="Ada")
    service.worker.stop()

    assert (refused.status_code, refused.json()["detail"]) == (409, "too late: the bank has the order, or may have it")
    assert service.show(payment)["state"] == "ready"


def test_a_worker_inside_the_app_lives_as_long_as_the_app(url, tmp_path):
    with Backstage(tmp_path) as backstage:
        service = Service(backstage, url, has_worker_inside=True)
        payment = service.pay("NL01BOB", 25_00).json()["id"]
        assert service.wait_for_end(payment)["booked"] == [25_00]
        assert service.web.stop() in (0, -signal.SIGTERM)
        assert "Application shutdown complete." in service.web.output


@pytest.mark.only_on("sqlite")
def test_nothing_is_started_when_the_app_is_imported():
    count = "import threading, service.app; print(threading.active_count())"
    told = {**os.environ, "PAYMENTS_WORKER": "inside"}
    done = subprocess.run([sys.executable, "-c", count], cwd=HERE, env=told, timeout=60, text=True, capture_output=True)
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr


@pytest.mark.slow
def test_the_demo_keeps_its_claims_though_the_worker_is_killed(url, tmp_path):
    command = ["-m", "examples.fastapi_service.demo", "--payments", "12", "--database-url", url, "--folder", tmp_path]
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, timeout=110, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert "Every claim holds." in done.stdout
    assert "SIGKILL" in done.stdout
