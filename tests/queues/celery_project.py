"""A Django project with Celery, as its worker has it: `celery -A tests.queues.celery_project worker`."""

from __future__ import annotations

import os

import django
from django.apps import apps

from stepper_motor.queues.celery import CeleryQueue
from tests.queues.celery_app import BROKER, celery

if not apps.ready:
    django.setup()
app = celery(os.environ[BROKER])
app.autodiscover_tasks()
queue = CeleryQueue()
