"""A journey is a model like any other: deferred, pickled, dumped, shown in templates, deleted. DESIGN 1 and 5."""

import json
import pickle
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.forms import modelform_factory
from django.template import Context, Template

from stepper_motor import State, step
from stepper_motor.django import Journey
from tests.shop.journeys import Drip
from tests.shop.models import Customer, Payment, PaymentJourney

pytestmark = pytest.mark.django_db


class Letter(Journey[Customer]):
    @step
    def write(self): ...

    @step(wait=timedelta(hours=1))
    def post(self): ...


@pytest.fixture
def letter(customer):
    return Letter.start(customer, data={"to": "Grace"})


@pytest.fixture
def paid():
    journey = PaymentJourney.start(Payment.objects.create(amount=20))
    journey.pause("to be looked at")
    return journey


@pytest.mark.parametrize("journeys", [Journey.objects.all, Letter.objects.all])
@pytest.mark.parametrize(
    "narrowed",
    [
        lambda all: all.only("state"),
        lambda all: all.only("data"),
        lambda all: all.defer("data", "reason"),
        lambda all: all.defer("type", "fence", "next_step_name"),
    ],
)
def test_deferred_columns_are_read_when_they_are_asked_for(letter, journeys, narrowed):
    journey = narrowed(journeys()).get(pk=letter.pk)
    assert type(journey) is Letter
    assert (journey.data, journey.state, journey.next_step_name) == ({"to": "Grace"}, State.READY, "write")
    assert journey.hero == letter.hero


def test_a_verb_works_on_an_object_that_was_read_in_part(letter):
    Letter.objects.only("reason").get().skip(by="Ada")
    found = Letter.objects.defer("data").get()
    assert found.next_step_name == "post"
    found.data["seen"] = True
    found.save()
    assert Letter.objects.get().data == {"to": "Grace", "seen": True}


def test_an_instance_and_a_result_can_be_pickled(letter, paid):
    for journey in (letter, Letter.objects.get(), PaymentJourney.objects.get()):
        copy = pickle.loads(pickle.dumps(journey))
        assert (type(copy), copy, copy.data, copy.hero) == (type(journey), journey, journey.data, journey.hero)
        copy.cancel("by its copy")
        assert journey.history.filter(reason="by its copy").exists()
        journey.refresh_from_db()
        journey.jump_to(journey.steps.names[0])
    found = Journey.objects.order_by("pk")
    assert list(pickle.loads(pickle.dumps(found))) == list(found)
    again = Letter.objects.all()
    again.query = pickle.loads(pickle.dumps(Letter.objects.ready().query))
    assert again.get() == letter


def test_a_class_that_is_gone_when_it_is_loaded_is_of_an_unknown_type(letter, tmp_path):
    file = tmp_path / "dump.json"
    call_command("dumpdata", "stepper_motor", output=str(file))
    file.write_text(file.read_text().replace(letter.type, "gone.Class"))
    call_command("loaddata", str(file), verbosity=0)
    assert [(type(journey), journey.type) for journey in Journey.objects.all()] == [(Journey, "gone.Class")]


def test_journeys_and_their_history_survive_a_dump_and_a_load(clock, letter, paid, tmp_path):
    Drip.start(letter.hero).cancel("dumped")
    before = everything()
    file = tmp_path / "dump.json"
    call_command("dumpdata", "stepper_motor", "shop", output=str(file))
    labels = {record["model"] for record in json.loads(file.read_text())}
    for model in (Journey, PaymentJourney, Customer, Payment):
        model.objects.all().delete()
    assert not Journey.History.objects.exists()
    call_command("loaddata", str(file), verbosity=0)
    assert everything() == before
    assert type(Journey.objects.get(pk=letter.pk)) is Letter
    assert {label for label in labels if "journey" in label} == {
        "stepper_motor.journey", "stepper_motor.journeyhistory", "shop.paymentjourney", "shop.paymentjourneyhistory",
    }  # fmt: skip


@pytest.mark.only_on("postgresql")
def test_after_a_load_the_next_journey_gets_a_number_of_its_own(letter, tmp_path):
    file = tmp_path / "dump.json"
    call_command("dumpdata", "stepper_motor", output=str(file))
    with connection.cursor() as cursor:
        cursor.execute("ALTER SEQUENCE stepper_motor_journeys_id_seq RESTART WITH 1")
        cursor.execute("UPDATE stepper_motor_journeys SET id = 1")
    file.write_text(file.read_text().replace(f'"pk": {letter.pk}', '"pk": 1'))
    call_command("loaddata", str(file), verbosity=0)
    assert Letter.start().pk == 2


def everything():
    tables = (Journey, Journey.History, PaymentJourney, PaymentJourney.History)
    return {table: list(table.objects.order_by("pk").values()) for table in tables}


def test_states_are_the_same_in_queries_templates_and_choices(letter):
    letter.pause()
    assert Letter.objects.filter(state=State.PAUSED).get() == Letter.objects.filter(state="paused").get()
    assert isinstance(Letter.objects.values_list("state", flat=True).get(), State)
    shown = "{{ journey.state }} {% if journey.state == 'paused' %}yes{% endif %} {{ journey.get_state_display }}"
    assert Template(shown).render(Context({"journey": letter})) == "paused yes paused"
    known = "{% if journey.state == State.PAUSED %}yes{% endif %}"
    assert Template(known).render(Context({"journey": letter, "State": State})) == "yes"
    assert Letter._meta.get_field("state").choices == State.choices
    assert ("paused", "paused") in State.choices


def test_a_form_offers_what_is_not_the_engines(letter):
    assert set(modelform_factory(Letter, fields="__all__")().fields) <= {
        "allow_multiple", "hero_type", "hero_id", "key", "data",
    }  # fmt: skip


def test_related_journeys_are_read_with_their_heroes(paid, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert PaymentJourney.objects.select_related("hero").get().hero.amount == 20
    with django_assert_num_queries(2):
        [payment] = Payment.objects.prefetch_related("journeys")
        assert [journey.state for journey in payment.journeys.all()] == ["paused"]
    with django_assert_num_queries(2):
        [journey] = PaymentJourney.objects.prefetch_related("history")
        assert [entry.reason for entry in journey.history.all()] == ["to be looked at"]
    assert Payment.objects.filter(journeys__state="paused", journeys__history__outcome="paused").count() == 1
    assert payment.journeys.paused().cancel() == (1, 0, 0)


def test_a_deleted_journey_takes_its_history_along(letter, paid):
    letter.pause()
    letter.delete()
    paid.delete()
    assert not Journey.objects.exists()
    assert not Journey.History.objects.exists()
    assert not PaymentJourney.History.objects.exists()


def test_so_do_those_of_a_queryset_and_of_a_hero_that_is_a_foreign_key(letter, paid):
    letter.pause()
    Drip.start(letter.hero).pause()
    Journey.objects.all().delete()
    assert not Journey.objects.exists()
    assert not Journey.History.objects.exists()
    paid.hero.delete()
    assert not PaymentJourney.objects.exists()
    assert not PaymentJourney.History.objects.exists()


def test_a_verb_on_a_journey_that_was_deleted_says_so(letter):
    stale = Letter.objects.get()
    letter.delete()
    with pytest.raises(Exception, match="can't pause a journey that is deleted: its row is gone"):
        stale.pause()
    assert stale.perform_next_step() is None
