"""Django's settings of the benchmark and of its workers.

BENCHMARK_SYSTEM            the module of the job system, in this folder
BENCHMARK_REUSE             seconds for which django-tasks-db's worker keeps a database connection
BENCHMARK_STEPS_A_TICKET    how many steps that are due at once a ticket performs; the library's default without it
"""

from __future__ import annotations

import importlib.util
import os
from typing import Any

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES
from tests.settings import INSTALLED_APPS as OTHERS

IS_BACKPORT = importlib.util.find_spec("django.tasks") is None

if os.environ["BENCHMARK_SYSTEM"] == "on_django_tasks":  # Celery's worker heeds a setting of its own
    DATABASES["default"]["CONN_MAX_AGE"] = int(os.environ["BENCHMARK_REUSE"])
INSTALLED_APPS = [*OTHERS, *(["django_tasks"] if IS_BACKPORT else []), "django_tasks_db", "benchmarks.queues"]
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
STEPPER_MOTOR: dict[str, Any] = {"SCHEDULER": f"benchmarks.queues.{os.environ['BENCHMARK_SYSTEM']}.scheduler"}
if "BENCHMARK_STEPS_A_TICKET" in os.environ:
    STEPPER_MOTOR["RUN_ON_STEPS"] = int(os.environ["BENCHMARK_STEPS_A_TICKET"])
