"""`manage.py stepper_motor housekeep`, for those who have no worker. SEMANTICS 11."""

from datetime import timedelta

import pytest
from django.core.management import call_command

from stepper_motor import State
from tests.django.conftest import NOON
from tests.semantics.holding import hold
from tests.shop.journeys import Drip

pytestmark = pytest.mark.django_db


def test_a_command_does_it_for_those_who_have_no_worker(clock, capsys):
    hold(Drip.start(), NOON)
    Drip.start().finish()
    clock.move(timedelta(days=30))
    call_command("stepper_motor", "housekeep")
    assert Drip.objects.get().state is State.READY
    assert "1" in capsys.readouterr().out
