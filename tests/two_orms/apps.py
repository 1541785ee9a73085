"""Makes the Django processes of these tests know the journeys of these tests."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class JourneysOfTheseTests(AppConfig):
    name = "tests.two_orms.apps"
    label = "journeys_of_two_orms"

    def ready(self):
        import_module("tests.two_orms.django_side")
