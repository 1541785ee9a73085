"""Makes the worker processes of these tests know the journeys of these tests.

Its name is no package that holds them, so they keep the label they have in the test's own process.
"""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class JourneysOfTheseTests(AppConfig):
    name = "tests.worker.apps"
    label = "journeys_of_these_tests"

    def ready(self):
        import_module("tests.worker.journeys")
