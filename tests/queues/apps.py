"""Makes worker processes know the journeys of these tests, and write what happens into the diary.

Its name is no package that holds them, so they keep the label they have in the test's own process.
"""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class JourneysOfQueues(AppConfig):
    name = "tests.queues.apps"
    label = "journeys_of_queues"

    def ready(self):
        from stepper_motor.motor.events import listen_everywhere
        from tests.queues.noting import note_event

        import_module("tests.queues.journeys")
        listen_everywhere(note_event)
