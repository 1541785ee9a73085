"""What `manage.py check` says of a project that can't work, and what is an error when a class is defined already."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.apps import apps
from django.core import checks
from django.core.checks import run_checks
from django.db import connections

from stepper_motor import DefinitionError, step
from stepper_motor.django import AbstractJourney, Journey
from stepper_motor.django.checks import is_too_old
from stepper_motor.django.metaclass import roots
from tests.django.operators import in_the_row
from tests.shop.journeys import Drip
from tests.shop.models import Customer, Payment, PaymentJourney


def told(*, tags=("stepper_motor",), databases=()):
    """(id, message, hint) of what the checks say."""
    messages = checks.run_checks(tags=list(tags), databases=list(databases))
    ours = [message for message in messages if message.id.startswith("stepper_motor.")]
    assert all(message.hint for message in ours)
    return [(message.id.removeprefix("stepper_motor."), message.msg, message.hint) for message in ours]


def told_ids(**asked):
    return [id for id, _, _ in told(**asked)]


def test_a_project_that_is_in_order_has_nothing_to_be_told():
    assert told() == []


# -------------------------------------------------------------------------------------------------- STEPPER_MOTOR


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"LEESE": 60}, "STEPPER_MOTOR: there is no setting 'LEESE'; did you mean 'LEASE'?"),
        ({"SCHEDULAR": 60}, "STEPPER_MOTOR: there is no setting 'SCHEDULAR'; did you mean 'SCHEDULER'?"),
        ({"LEASE": "a minute"}, "lease must be a timedelta or a number of seconds, got 'a minute'"),
        ({"LEASE": timedelta(0)}, "lease must be more than 0, got datetime.timedelta(0)"),
        ({"CONCURRENCY": 0}, "concurrency must be a whole number of at least 1, got 0"),
        ({"lease": 60}, "STEPPER_MOTOR: write 'LEASE' in place of 'lease'"),
        ({"CLOCK": "no.such.clock"}, "STEPPER_MOTOR['CLOCK']: No module named 'no'"),
        ({"CLOCK": 12}, "STEPPER_MOTOR['CLOCK'] must be a clock or the dotted path of one, got 12"),
        ([], "STEPPER_MOTOR must be a dictionary, got []"),
    ],
)
def test_wrong_settings_are_told_and_crash_nothing(settings, given, message):
    settings.STEPPER_MOTOR = given
    ((id, said, _),) = told()
    assert (id, said) == ("E001", message)


def test_times_that_can_t_be_aware_are_told(settings):
    settings.USE_TZ = False
    assert told_ids() == ["E002"]


# ------------------------------------------------------------------------------------------------------- routers


class Router:
    """Sends some models elsewhere."""

    def __init__(self, **elsewhere):
        self.elsewhere = elsewhere

    def db_for_write(self, model, **hints):
        return self.elsewhere.get(model.__name__)


class NoMigrations:
    def allow_migrate(self, alias, app_label, **hints):
        return app_label != "stepper_motor"


def test_an_alias_that_does_not_exist_is_told(settings):
    settings.DATABASE_ROUTERS = [Router(Journey="nowhere", JourneyHistory="nowhere")]
    ((id, message, hint),) = told()
    assert id == "E003"
    assert message == "A database router keeps stepper_motor.Journey in 'nowhere', and DATABASES has no such alias."
    assert "default" in hint


def test_a_history_that_is_kept_apart_from_its_journeys_is_told(settings):
    settings.DATABASE_ROUTERS = [Router(JourneyHistory="archive")]
    ((id, message, _),) = told()
    assert id == "E005"
    assert message == "A database router keeps stepper_motor.Journey in 'default' and its history in 'archive'."


def test_a_journey_class_that_is_written_apart_from_its_table_is_told(settings):
    settings.DATABASE_ROUTERS = [Router(Drip="elsewhere")]
    ((id, message, hint),) = told()
    assert id == "E009"
    assert "keeps stepper_motor.Journey in 'default', but writes shop.Drip elsewhere" in message
    assert "concrete_model" in hint


def test_a_table_that_is_not_migrated_where_it_is_kept_is_told(settings):
    settings.DATABASE_ROUTERS = [NoMigrations()]
    assert told_ids() == ["E006"]


def test_a_foreign_key_to_another_database_is_told(settings):
    settings.DATABASE_ROUTERS = [Router(Payment="bank")]
    ((id, message, _),) = told()
    assert id == "E007"
    assert message == "shop.PaymentJourney.hero leads from 'default' to shop.Payment in 'bank'."


# ----------------------------------------------------------------------------------- other databases, other projects


def check(tmp_path, settings, *arguments):
    """What `manage.py check` prints in a project with other settings."""
    Path(tmp_path, "other_settings.py").write_text(f"from tests.settings import *\n{settings}\n")
    path = os.pathsep.join([str(tmp_path), *sys.path])
    environment = {**os.environ, "PYTHONPATH": path, "DJANGO_SETTINGS_MODULE": "other_settings"}
    command = [sys.executable, "-m", "django", "check", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False).stderr


SQLITE = 'DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "empty.sqlite3"}}'


@pytest.mark.only_on("sqlite")
def test_a_sqlite_database_whose_transactions_begin_as_readers_is_told(tmp_path):
    warning = check(tmp_path, SQLITE)
    assert "(stepper_motor.W001) The SQLite database 'default' begins transactions as readers" in warning
    assert 'HINT: DATABASES[\'default\']["OPTIONS"] = {"transaction_mode": "IMMEDIATE"' in warning


@pytest.mark.only_on("sqlite")
def test_a_database_of_another_kind_is_told(tmp_path):
    error = check(tmp_path, "DATABASES = {}")
    assert "(stepper_motor.E004) stepper_motor.Journey, shop.PaymentJourney can't be kept in the database" in error


@pytest.mark.only_on("sqlite")
def test_a_database_that_is_not_migrated_yet_is_no_trouble(tmp_path):
    file = f'DATABASES["default"]["NAME"] = r"{tmp_path}/empty.sqlite3"'
    assert check(tmp_path, file, "--database", "default") == ""


@pytest.mark.only_on("sqlite")
@pytest.mark.parametrize("written", [["stepper_motor"], []])
def test_journeys_without_their_app_say_what_to_install(tmp_path, written):
    error = check(tmp_path, f"INSTALLED_APPS = {[*written, 'tests.shop']}")
    assert "ImproperlyConfigured: Journeys need their app: add 'stepper_motor.django'" in error


@pytest.mark.pure
@pytest.mark.parametrize(
    ("server", "version", "old"),
    [
        ("postgresql", (13, 9), True),
        ("postgresql", (14,), False),
        ("mariadb", (10, 5, 29), True),
        ("mariadb", (10, 6, 1), False),
        ("mysql", (5, 7, 44), True),
        ("mysql", (8, 0, 11), False),
        ("sqlite", (3, 34, 1), True),
        ("sqlite", (3, 35, 0), False),
    ],
)
def test_servers_that_can_t_keep_journeys(server, version, old):
    assert is_too_old(server, version) is old


# ------------------------------------------------------------------------------------------ journeys in flight


@pytest.mark.django_db
def test_the_server_of_these_tests_is_new_enough_and_its_journeys_are_known(customer):
    Drip.start(customer)
    PaymentJourney.start(Payment.objects.create())
    assert told(tags=["database"], databases=["default"]) == []


@pytest.mark.django_db
def test_journeys_in_flight_that_this_code_does_not_know_are_told(customer):
    in_the_row(Drip.start(customer), type="shop.Gone")
    in_the_row(Drip.start(customer, key="second"), next_step_name="removed")
    astray, of_no_type = told(tags=["database"], databases=["default"])
    assert astray[1].startswith("1 journey of type 'shop.Drip' at step 'removed': the class has no such step")
    assert of_no_type[1].startswith("1 journey of type 'shop.Gone': no class of this code has that type name")
    assert {astray[0], of_no_type[0]} == {"W002"}
    assert "stepper_motor doctor" in astray[2]


@pytest.mark.django_db
def test_journeys_in_flight_are_not_looked_at_unless_a_database_is_named(customer):
    in_the_row(Drip.start(customer), type="shop.Gone")
    assert told(tags=["database"]) == []


# ------------------------------------------------------------------- what is an error when the class is defined


def test_two_classes_of_one_type_name_in_two_tables_can_t_be():
    known = list(roots)
    with pytest.raises(DefinitionError, match=r"'shop\.Drip', in two tables: set another type_name on one"):

        class Clash(AbstractJourney[Customer]):
            type_name = "shop.Drip"

            class Meta:
                app_label = "shop"

            @step
            def begin(self): ...

    assert roots == known
    assert not {"clash", "clashhistory"} & set(apps.all_models["shop"])


def test_two_classes_of_one_type_name_in_one_table_can_t_be():
    with pytest.raises(DefinitionError, match=r"the type name 'shop\.Drip': set type_name on one of them"):

        class Clash(Journey[Customer]):
            type_name = "shop.Drip"

            @step
            def begin(self): ...


def test_a_type_name_that_a_row_has_no_room_for_can_t_be():
    with pytest.raises(DefinitionError, match="has 101 characters; a row has room for 100: set type_name to a shorter"):

        class Long(Journey[Customer]):
            type_name = "n" * 101


def test_a_step_s_name_that_a_row_has_no_room_for_can_t_be():
    with pytest.raises(DefinitionError, match="has 201 characters; a row has room for 200: give a shorter name="):

        class Long(Journey[Customer]):
            @step(name="n" * 201)
            def begin(self): ...


def test_a_type_name_must_be_a_text():
    with pytest.raises(DefinitionError, match="the type name must be a text, got 12"):

        class Numbered(Journey[Customer]):
            type_name = 12


@pytest.mark.django_db
@pytest.mark.only_on("sqlite", "mariadb")
def test_a_database_that_keeps_other_times_than_utc_is_told_of(monkeypatch):
    monkeypatch.setattr(connections["default"], "timezone_name", "Europe/Amsterdam")
    [told] = run_checks(tags=["stepper_motor"])
    assert told.id == "stepper_motor.E010"
    assert "'default' keeps times in Europe/Amsterdam, journeys theirs in UTC" in told.msg
    assert "Leave TIME_ZONE out of DATABASES['default']" in told.hint
