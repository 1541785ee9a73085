"""The Django home, as the contract uses it."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from types import new_class
from typing import Any

from django.apps import apps
from django.db import connection, connections, transaction

from stepper_motor.django import Journey
from stepper_motor.django.engine import motor, store_of
from stepper_motor.journeys.journey import JourneyBase
from stepper_motor.motor.motor import Motor
from stepper_motor.motor.ports import JourneyId, Store
from tests import databases
from tests.shop.models import Customer, PaymentJourney
from tests.stores.playing import PlayingHome

ENDING = {
    "postgresql": ("SELECT pg_backend_pid()", "SELECT pg_terminate_backend(%s)"),
    "mysql": ("SELECT CONNECTION_ID()", "KILL %s"),
}
"""Which session this is, and how the server ends it."""


class DjangoHome(PlayingHome):
    has_one_writer = databases.chosen() == "sqlite"

    def __init__(self) -> None:
        self._defined: list[Any] = []

    @property
    def motor(self) -> Motor:
        return motor()

    def define(self, name: str, members: Mapping[str, Any]) -> type[JourneyBase[Any]]:
        namespace = {**members, "__module__": __name__}
        cls: Any = new_class(name, (Journey,), exec_body=lambda body: body.update(namespace))
        self._defined.append(cls)
        return cls

    def store_of(self, cls: Any) -> Store:
        return store_of(cls, None)

    def start(self, cls: Any, hero: Any = None, **options: Any) -> JourneyId:
        return cls.start(hero, **options).pk

    def hero(self) -> Any:
        return Customer.objects.create(name="Ada")

    def delete_hero(self, hero: Any) -> None:
        Customer.objects.filter(pk=hero.pk).delete()

    def with_columns(self) -> tuple[type[JourneyBase[Any]], Mapping[str, Any]]:
        return PaymentJourney, {"amount": Decimal("12.50"), "notes": ["a", {"b": None}]}

    def leave_open(self, journey: JourneyBase[Any]) -> JourneyId:
        transaction.atomic().__enter__()
        return self.start(type(journey))

    def break_connection(self, store: Store) -> None:
        if connection.vendor == "sqlite":
            return connection.connection.close()
        asks, ends = ENDING[connection.vendor]
        with connection.cursor() as cursor:
            cursor.execute(asks)
            (number,) = cursor.fetchone()
        with ThreadPoolExecutor(1) as another:
            another.submit(_execute, ends, number).result()
        return None

    def clear(self) -> None:
        """Forget the classes that a test has defined."""
        for cls in self._defined:
            cls.registry.remove(cls)
            apps.all_models[cls._meta.app_label].pop(cls._meta.model_name, None)


def _execute(sql: str, *params: object) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql, params)
    finally:
        connections.close_all()
