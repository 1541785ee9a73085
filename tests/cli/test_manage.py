"""`manage.py stepper_motor ...`: Django's way to the commands."""

from __future__ import annotations

from io import StringIO

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.core.signals import setting_changed
from django.db import connection

from stepper_motor import step
from stepper_motor.django import AbstractJourney
from stepper_motor.django.metaclass import roots
from tests.shop.journeys import Drip
from tests.shop.models import PaymentJourney

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_in("django")]


def manage(*arguments):
    output = StringIO()
    call_command("stepper_motor", *map(str, arguments), stdout=output)
    return output.getvalue().splitlines()


@pytest.fixture
def another_table():
    """A root whose keys are counted up as those of the common table are."""

    class Apart(AbstractJourney):
        @step
        def only(self): ...

        class Meta:
            app_label = "shop"

    with connection.schema_editor() as editor:
        editor.create_model(Apart)
        editor.create_model(Apart.History)
    yield Apart
    with connection.schema_editor() as editor:
        editor.delete_model(Apart.History)
        editor.delete_model(Apart)
    roots.remove(Apart)
    for model in (Apart, Apart.History):
        del apps.all_models["shop"][model._meta.model_name]
    apps.clear_cache()
    setting_changed.send(sender=Apart, setting="STEPPER_MOTOR", value=None, enter=False)  # the motor forgets the table


def test_what_a_command_writes_goes_to_djangos_output():
    journey = Drip.start()
    assert manage("list")[1].split()[:2] == [str(journey.pk), "shop.Drip"]
    assert manage("pause", journey.pk) == [f"{journey.pk}: Paused."]


def test_what_was_refused_shows_in_the_exit_status():
    journey = Drip.start()
    journey.cancel()
    with pytest.raises(SystemExit, match="1"):
        manage("pause", journey.pk)


def test_what_is_not_there_is_an_error_of_the_command():
    with pytest.raises(CommandError, match="there is no journey 4711"):
        manage("show", 4711)
    with pytest.raises(CommandError, match="did you mean 'shop.Drip'"):
        manage("diagram", "shop.Dripp")


def test_a_wrong_argument_is_an_error_of_the_command():
    with pytest.raises(CommandError, match="must be a duration"):
        manage("reattempt", "1", "--wait", "soon")


def test_an_id_that_two_tables_have_needs_its_type(another_table):
    drip = Drip.start()
    other = another_table(pk=drip.pk)
    other.save()
    name = another_table.definition.type_name

    with pytest.raises(
        CommandError, match=f"more than one journey {drip.pk}: say which, with --type shop.Drip or --type {name}"
    ):
        manage("show", drip.pk)
    assert manage("show", drip.pk, "--type", name)[0] == f"{name} {drip.pk} (ready)"
    assert manage("cancel", drip.pk, "--type", name)
    drip.refresh_from_db()
    assert drip.state == "ready"
    with pytest.raises(CommandError, match=f"there is no journey {drip.pk} of type 'Nobody'"):
        manage("show", drip.pk, "--type", "Nobody")


@pytest.mark.only_on("sqlite")
def test_a_row_of_which_no_object_can_be_made_is_shown_and_refuses_verbs():
    good, bad = PaymentJourney.start(), PaymentJourney.start()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE shop_paymentjourney SET amount = 1e30 WHERE id = %s", [bad.pk.hex])

    assert manage("show", bad.pk)[0] == f"shop.PaymentJourney {bad.pk} (ready)"
    told = StringIO()
    with pytest.raises(SystemExit, match="1"):
        call_command("stepper_motor", "pause", str(bad.pk), str(good.pk), stdout=told)
    assert told.getvalue().splitlines() == [
        f"{bad.pk}: refused: InvalidOperation: [<class 'decimal.InvalidOperation'>]",
        f"{good.pk}: Paused.",
    ]
