"""The migrations: complete, whatever the project's settings, and there and back again. DESIGN 3 and issue 2."""

import os
import subprocess
import sys

import pytest
from django.core.management import call_command
from django.db import connection

from stepper_motor.django import Journey

MAKE_MIGRATIONS = """
import sys
from tests import settings
settings.DEFAULT_AUTO_FIELD = sys.argv[1]
import django; django.setup()
from django.core.management import call_command
call_command("makemigrations", "stepper_motor", check=True, dry_run=True)
"""


def tables():
    return {name for name in connection.introspection.table_names() if name.startswith("stepper_motor_")}


@pytest.mark.processes
@pytest.mark.parametrize("auto_field", ["AutoField", "BigAutoField", "SmallAutoField"])
def test_no_default_auto_field_makes_them_drift(auto_field):
    command = [sys.executable, "-c", MAKE_MIGRATIONS, f"django.db.models.{auto_field}"]
    made = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False, timeout=60)
    assert made.returncode == 0, made.stdout + made.stderr


@pytest.mark.django_db
def test_nothing_is_missing_in_them():
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


@pytest.mark.django_db(transaction=True)
def test_they_lead_back_and_forth():
    before = tables()
    assert before == {"stepper_motor_journeys", "stepper_motor_history", "stepper_motor_tickets"}
    call_command("migrate", "stepper_motor", "zero", verbosity=0)
    assert not tables()
    call_command("migrate", "stepper_motor", verbosity=0)
    assert tables() == before
    Journey.objects.all().delete()


@pytest.mark.django_db(transaction=True)
def test_the_sql_of_them_can_be_shown(capsys):
    call_command("sqlmigrate", "stepper_motor", "0001")
    shown = capsys.readouterr().out
    assert "stepper_motor_one_per_hero" in shown
    assert "stepper_motor_ready_is_due" in shown
