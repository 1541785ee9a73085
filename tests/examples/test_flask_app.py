"""The Flask example does what its page says: through real HTTP, and with a database of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from examples.backstage import Backstage
from examples.flask_app.demo import App, user_on

pytestmark = [pytest.mark.processes, pytest.mark.only_on("sqlite")]
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def app(tmp_path):
    """The web app, whose time runs as it does outside; no worker yet."""
    with Backstage(tmp_path) as backstage:
        yield App(backstage, tmp_path, speed=1)


@pytest.mark.slow
def test_the_demo_keeps_its_claims(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "examples.flask_app.demo", "--folder", tmp_path], cwd=ROOT, timeout=110, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
    assert "Every claim holds." in done.stdout


def test_whoever_signs_up_is_welcomed_at_once_and_reminded_in_two_days(app):
    ada = user_on(app.sign_up("Ada"))
    assert (app.page(ada).state, app.letters_to("Ada")) == ("ready", [])

    app.perform_what_is_due()

    page = app.page(ada)
    assert (page.state, page.outcomes) == ("ready", ["welcome completed"])
    assert "in 1 day 23 hours) for step 'remind'" in page.explanation
    assert [letter.subject for letter in app.letters_to("Ada")] == ["Welcome"]


def test_who_is_refused_leaves_neither_user_nor_journey(app):
    app.sign_up("Ada")
    refused = app.sign_up("Ada")
    assert (refused.status_code, "There is an account with this address." in refused.text) == (409, True)
    assert app.home().count("<td>ready</td>") == 1


def test_who_has_left_gets_no_letter(app):
    ada = user_on(app.sign_up("Ada"))
    app.press(ada, "leave")
    app.perform_what_is_due()
    assert (app.page(ada).state, app.letters_to("Ada")) == ("canceled", [])


def test_a_journey_is_paused_and_resumed_on_the_page(app):
    ada = user_on(app.sign_up("Ada"))
    app.press(ada, "pause")
    app.perform_what_is_due()
    assert (app.page(ada).state, app.letters_to("Ada")) == ("paused", [])

    refused = app.press(ada, "pause")
    assert (refused.status_code, refused.text) == (409, "can't pause a journey that is paused")
    app.press(ada, "resume")
    app.perform_what_is_due()
    assert app.page(ada).outcomes == ["welcome paused", "welcome resumed", "welcome completed"]


def test_a_user_who_is_not_there_is_not_found(app):
    assert app.press(1, "pause").status_code == 404
