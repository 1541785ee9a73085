"""The pytest plugin, in projects as a user would have them: on SQLite, with tests of their own."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from stepper_motor import Canceled, now, step
from stepper_motor.django import Journey
from stepper_motor.motor.clock import SetClock
from tests.shop.models import Customer

pytest_plugins = ["pytester"]

SETTINGS = """
SECRET_KEY = "for tests only"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["stepper_motor.django"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
STEPPER_MOTOR = {"CLOCK": "stepper_motor.testing.process_clock"}
"""
JOURNEYS = """
from django.db import transaction
from stepper_motor import Canceled, step
from stepper_motor.django import Journey


class Raises(Journey):
    @step
    def leave(self):
        with transaction.atomic():
            self.cancel()


class Returns(Journey):
    @step
    def leave(self):
        with transaction.atomic():
            return Canceled()
"""


@pytest.fixture
def project(pytester, monkeypatch):
    pytester.makeini("[pytest]")
    pytester.makepyfile(settings=SETTINGS, stories=JOURNEYS)
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "settings")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(pytester.path), os.environ.get("PYTHONPATH", "")]))
    return pytester


def test_the_clock_is_real_again_after_each_test_and_a_rolled_back_block_is_an_error(project):
    project.makepyfile(
        test_stories="""
        import unittest
        from datetime import UTC, datetime, timedelta

        import pytest
        from stories import Raises, Returns
        from stepper_motor import now, testing
        from stepper_motor.motor import clock as library

        def is_real():
            return abs(now() - datetime.now(UTC)) < timedelta(hours=1)

        def test_1_travels(travel):
            travel(timedelta(days=400))
            assert not is_real()

        def test_2_is_back_in_the_present():
            assert is_real()

        class Test3(unittest.TestCase):
            def test_travels(self):
                testing.travel(timedelta(days=400))

        def test_4_is_back_in_the_present():
            assert is_real()

        def test_5_fails_in_the_future(clock):
            clock.move(timedelta(days=400))
            assert is_real()

        def test_6_is_back_in_the_present():
            assert is_real()

        @pytest.fixture(scope="module")
        def new_year():
            with testing.travel(datetime(2030, 1, 1, tzinfo=UTC)) as clock:
                yield clock

        def test_7_moves_a_clock_that_stands_for_the_whole_module(new_year):
            new_year.move(timedelta(days=1))

        def test_8_finds_it_where_it_stood():
            assert now() == datetime(2030, 1, 1, tzinfo=UTC)

        def test_9_a_verb_that_rolls_back_its_block(db, speedrun):
            speedrun(Raises.start())

        def test_10_an_outcome_that_is_returned_from_its_block(db, speedrun):
            speedrun(Returns.start())

        @pytest.mark.allow_rolled_back_blocks
        def test_11_a_verb_that_may_roll_back_its_block(db, speedrun):
            speedrun(Raises.start())
        """
    )
    result = project.runpytest_subprocess("--strict-markers", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=10, failed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "*ERROR at teardown of test_9_a_verb_that_rolls_back_its_block*",
            "stories.Raises 1, step leave: a verb was raised inside a transaction block of the step*",
            "Return the outcome instead (return Canceled(...))*pytest.mark.allow_rolled_back_blocks.",
        ]
    )


def test_it_disturbs_no_project_without_django(pytester, monkeypatch):
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    pytester.makeini("[pytest]")
    pytester.makepyfile(
        """
        import sys
        from datetime import timedelta

        def test_nothing_heavy_is_loaded(clock):
            clock.move(timedelta(days=1))
            assert not {"django", "asgiref", "sqlalchemy", "asyncio"} & set(sys.modules)
        """
    )
    pytester.runpytest_subprocess("-p", "no:django", "-p", "no:anyio", "-p", "no:cacheprovider").assert_outcomes(
        passed=1
    )


def test_djangos_own_runner_needs_no_plugin(project):
    project.makepyfile(
        test_case="""
        from datetime import UTC, datetime, timedelta

        from django.test import TestCase
        from stories import Returns
        from stepper_motor import now
        from stepper_motor.testing import assert_canceled, speedrun, travel

        class Stories(TestCase):
            def test_1(self):
                clock = self.enterContext(travel(timedelta(days=400)))
                journey = Returns.start()
                speedrun(journey)
                assert_canceled(journey)

            def test_2(self):
                self.assertLess(now() - datetime.now(UTC), timedelta(hours=1))
        """
    )
    ran = subprocess.run(
        [sys.executable, "-m", "django", "test", "test_case"], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert "Ran 2 tests" in ran.stderr


def test_the_fixtures_are_the_helpers(speedrun, travel, perform_next_step, perform_step, run_due):
    from stepper_motor import testing

    for fixture in (speedrun, travel, perform_next_step, perform_step, run_due):
        assert getattr(testing, fixture.__name__) is fixture


def test_the_clock_stands_at_the_present_until_it_is_moved(journey_clock, travel):
    assert isinstance(journey_clock, SetClock)
    began = now()
    assert datetime.now(UTC) - began < timedelta(minutes=1)
    assert now() == began
    journey_clock.move(timedelta(days=1))
    assert now() == began + timedelta(days=1)
    travel(timedelta(days=1))
    assert journey_clock.now() == began + timedelta(days=2)


@pytest.mark.django_db
def test_a_reason_given_to_skip_is_a_remark_and_no_error(speedrun, customer):
    class SkipsForAReason(Journey[Customer]):
        @step
        def look(self):
            self.skip(reason="nothing to see")

        @step
        def leave(self):
            return Canceled("seen enough")

    journey = SkipsForAReason.start(customer)
    speedrun(journey)
    assert [entry.reason for entry in journey.history.all()] == ["nothing to see", "seen enough"]
