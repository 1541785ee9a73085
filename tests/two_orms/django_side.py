"""The Django project of the two that share a database: its journeys, and what a test does with them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.apps import apps
from django.db import transaction

from stepper_motor import step
from stepper_motor.django import Journey
from stepper_motor.journeys.row import Row
from tests.shop.models import Customer, Spy
from tests.two_orms.seen import ENTRY, Seen
from tests.worker import diary


class Parcel(Journey):
    """Of the other's class it has the name and the steps; each has bodies of its own."""

    type_name = "Parcel"

    @step
    def pack(self):
        self.data["packed"] = ["django", self.hero.name if self.hero else None]

    @step(wait=timedelta(hours=1))
    def send(self):
        self.data["sent"] = ["django", self.idempotency_key, self.round_key]

    @step
    def deliver(self):
        raise RuntimeError("nobody was at home: 'ünzustellbar'")


class Relay(Journey):
    """Three steps; after the first it does not run on, so that any worker may take the second."""

    type_name = "Relay"

    @step
    def one(self):
        self.tell("one")

    @step(wait=0.02)
    def two(self):
        self.tell("two")

    @step
    def three(self):
        self.tell("three")

    def tell(self, word):
        diary.write(self.pk, f"{word} django")
        Spy.objects.create(journey_id=str(self.pk), word=word)


class OnlyInDjango(Journey):
    @step
    def work(self): ...


class DjangoSide:
    """What the Django project does, told in the words of both."""

    name = "django"
    own = "OnlyInDjango"
    classes = {"Parcel": Parcel, "Relay": Relay, "OnlyInDjango": OnlyInDjango}

    def create(self, model: str, **fields: Any) -> Any:
        """Returns its primary key."""
        return apps.get_model("shop", model).objects.create(**fields).pk

    def hero(self, model: str, key: Any) -> Any:
        return apps.get_model("shop", model).objects.get(pk=key)

    def start(self, name: str, hero: tuple[str, Any] | None = None, **options: Any) -> int | None:
        journey = self.classes[name].start(hero and self.hero(*hero), **options)
        return journey and journey.pk

    def start_for_all(self, name: str, **options: Any) -> int:
        return int(self.classes[name].start_for(Customer.objects.all(), **options))

    def tell(self, id: int, verb: str, *told: Any, **named: Any) -> Any:
        return getattr(self.loaded(id), verb)(*told, **named)

    def tell_loaded(self, journey: Any, verb: str, **named: Any) -> Any:
        return getattr(journey, verb)(**named)

    def loaded(self, id: int) -> Any:
        return Journey.objects.get(pk=id)

    def cancel_all(self, name: str) -> Any:
        return self.classes[name].objects.cancel(by="django")

    def ids(self, name: str, state: str) -> list[int]:
        found = Journey.objects if name == "Journey" else self.classes[name].objects
        return list(found.filter(state=state).order_by("pk").values_list("pk", flat=True))

    def of_hero(self, hero: tuple[str, Any]) -> list[int]:
        return [journey.pk for journey in Journey.objects.for_hero(self.hero(*hero)).order_by("pk")]

    def present(self, name: str) -> list[Any]:
        """The customers who are on such a journey."""
        return list(Customer.objects.filter(self.classes[name].presence(Customer)).values_list("pk", flat=True))

    def look(self, id: int) -> Seen:
        """Everything that it knows of a journey."""
        journey = self.loaded(id)
        entries = [tuple(getattr(entry, name) for name in ENTRY) for entry in journey.history.all()]
        return Seen(
            type(journey).__name__, journey.type, journey.hero_type, journey.hero_id, journey.key,
            journey.allow_multiple, journey.data, journey.created_at, Row._make(journey._row), entries,
        )  # fmt: skip

    def hero_of(self, id: int) -> Any:
        """Its primary key."""
        return self.loaded(id).hero.pk

    def roll_back_a_start(self, name: str) -> None:
        with transaction.atomic():
            self.classes[name].start()
            transaction.set_rollback(True)
