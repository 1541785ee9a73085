"""Heroes in another database than their journeys, and a copy to read from: a router decides, as always in Django."""

import pytest
from django.db import connections

from stepper_motor import State, step
from stepper_motor.django import Journey
from tests.shop.models import Country, Spy

pytestmark = pytest.mark.django_db(databases=["default", "elsewhere"])


class Census(Journey[Country]):
    @step
    def count(self):
        Spy.objects.create(journey_id=self.pk, word=self.hero.code)


class CountriesElsewhere:
    def db_for_read(self, model, **hints):
        return "elsewhere" if model is Country else None

    db_for_write = db_for_read


class WritesByDefault:
    def db_for_write(self, model, **hints):
        return "default"


@pytest.fixture(scope="module", autouse=True)
def second_database(django_db_setup, django_db_blocker, tmp_path_factory):
    file = tmp_path_factory.mktemp("second") / "second.sqlite3"
    sqlite = {"ENGINE": "django.db.backends.sqlite3", "OPTIONS": {}, "NAME": file}
    connections.settings["elsewhere"] = {**connections.settings["default"], **sqlite}
    with django_db_blocker.unblock(), connections["elsewhere"].schema_editor() as editor:
        editor.create_model(Country)
        editor.create_model(Journey)
    yield
    connections["elsewhere"].close()
    del connections["elsewhere"], connections.settings["elsewhere"]


@pytest.fixture
def countries(settings):
    settings.DATABASE_ROUTERS = ["tests.django.test_two_databases.CountriesElsewhere"]
    return [Country.objects.create(code=code) for code in ("be", "de", "nl")]


def test_a_hero_may_live_in_another_database(countries):
    country = countries[0]
    assert country._state.db == "elsewhere"
    journey = Census.start(country)
    assert journey._state.db == "default"
    assert Census.objects.get().hero == country
    assert list(Census.objects.for_hero(country)) == [journey]
    journey.perform_next_step()
    assert Spy.objects.get().word == "be"


def test_bulk_starts_reach_there_too(countries):
    Census.start(countries[1])
    assert Census.start_for(Country.objects.all(), batch=2) == 2
    assert {journey.hero.code for journey in Census.objects.all()} == {"be", "de", "nl"}


def test_a_verb_goes_where_the_router_writes(settings):
    """Not to the copy that the journey was read from."""
    settings.DATABASE_ROUTERS = ["tests.django.test_two_databases.WritesByDefault"]
    journey = Census.start()
    journey._state.db = "elsewhere"
    journey.pause("looked at on the copy")
    assert Census.objects.using("default").get().state is State.PAUSED


def test_and_so_does_a_bulk_verb(settings):
    settings.DATABASE_ROUTERS = ["tests.django.test_two_databases.ReadsElsewhere"]
    Census.start()
    assert Census.objects.all().db == "elsewhere"
    assert Census.objects.all().cancel().changed == 1
    assert Census.objects.using("default").get().state is State.CANCELED


def test_a_journey_may_be_started_in_a_database_of_ones_choice():
    journey = Census.objects.using("elsewhere").create(data={"chosen": True})
    assert journey._state.db == "elsewhere"
    assert Census.objects.using("elsewhere").get().data == {"chosen": True}
    assert not Census.objects.using("default").exists()


class ReadsElsewhere(WritesByDefault):
    def db_for_read(self, model, **hints):
        return "elsewhere"
