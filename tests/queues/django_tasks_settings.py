"""The settings of a worker process of django-tasks-db's or django-tasks-rq's, as a Django project has them.

STEPPER_MOTOR_TEST_TASKS    the dotted path of the backend
STEPPER_MOTOR_TEST_REDIS    where its Redis is, if it has one
"""

from __future__ import annotations

import importlib.util
import os
from typing import Any

from tests.queues.settings import *  # noqa: F403
from tests.queues.settings import INSTALLED_APPS as OTHERS

TASKS_BACKEND = "STEPPER_MOTOR_TEST_TASKS"
REDIS = "STEPPER_MOTOR_TEST_REDIS"
DATABASE_BACKEND = "django_tasks_db.DatabaseBackend"
RQ_BACKEND = "django_tasks_rq.RQBackend"
QUEUES = ["default", "elsewhere"]

IS_BACKPORT = importlib.util.find_spec("django.tasks") is None


def apps_of(backend: str) -> list[str]:
    """What the backend's documentation tells to install."""
    own = {DATABASE_BACKEND: ["django_tasks_db"], RQ_BACKEND: ["django_rq"]}[backend]
    return [*(["django_tasks"] if IS_BACKPORT else []), *own]


def tasks_on(backend: str) -> dict[str, Any]:
    """`TASKS`."""
    return {"default": {"BACKEND": backend, "QUEUES": QUEUES}}


def queues_of_rq(url: str) -> dict[str, Any]:
    """`RQ_QUEUES`."""
    return {name: {"URL": url} for name in QUEUES}


if TASKS_BACKEND in os.environ:
    backend = os.environ[TASKS_BACKEND]
    INSTALLED_APPS = [*OTHERS, *apps_of(backend), "tests.queues.django_tasks_apps.ErrorsAreTold"]
    TASKS = tasks_on(backend)
if REDIS in os.environ:
    RQ_QUEUES = queues_of_rq(os.environ[REDIS])
    RQ_EXCEPTION_HANDLERS = ["tests.queues.django_tasks_apps.tell_of_a_job"]
