"""Settings of the shop. What differs from place to place comes in as `SHOP_...` environment variables.

    SHOP_FOLDER          for database, mails, archives (var)
    SHOP_DATABASE_URL    postgresql://user:password@host:5432/name, in place of SQLite in the folder
    SHOP_QUEUE           what performs the steps in place of the built-in worker: celery, or django-tasks
    SHOP_BROKER_URL      Celery's broker
    SHOP_BROKER_QUEUE    the shop's queue there (shop)

None of them is needed.
"""

import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import django

from project.time_machine import hurried_clock

BASE_DIR = Path(__file__).resolve().parent.parent
FOLDER = Path(os.environ.get("SHOP_FOLDER", BASE_DIR / "var"))
"""Everything the shop writes: database, mails, archives."""
FOLDER.mkdir(parents=True, exist_ok=True)

SECRET_KEY = "only-for-the-example"
DEBUG = "runserver" in sys.argv
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "stepper_motor.django",
    "shop",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
ROOT_URLCONF = "project.urls"
STATIC_URL = "static/"
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

if "SHOP_DATABASE_URL" in os.environ:
    url = urlsplit(os.environ["SHOP_DATABASE_URL"])
    DATABASES: dict[str, Any] = {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": url.hostname,
            "PORT": url.port or 5432,
            "USER": unquote(url.username or ""),
            "PASSWORD": unquote(url.password or ""),
            "NAME": url.path[1:],
            "CONN_MAX_AGE": 60,
        }
    }
else:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": FOLDER / "shop.sqlite3",
            "OPTIONS": {
                # A transaction that reads first and writes later fails at once under SQLite, unless it is IMMEDIATE.
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            },
        }
    }

EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = FOLDER / "mails"
DEFAULT_FROM_EMAIL = "The Shop <hello@shop.example>"

ARCHIVE_FOLDER = FOLDER / "archives"
PSEUDONYM_KEY = "rotate-me-every-year"
BANK_URL = os.environ.get("SHOP_BANK_URL", "http://127.0.0.1:8099")

STEPPER_MOTOR: dict[str, Any] = {}
SWEEP_SECONDS = 10.0
QUEUE_OPTIONS: dict[str, Any] = {}
if clock := hurried_clock():
    # Demo only: time runs fast, so a dead worker should be noticed fast, and what ended is kept to be counted.
    STEPPER_MOTOR = {"CLOCK": clock, "LEASE": timedelta(seconds=4), "DELETE_COMPLETED_AFTER": None}
    # Queues know real time alone. With their own horizons, of minutes and hours, every wait of the demo would be in
    # the queue at once; with five seconds, which are five days of a shop that lives a day a second, long ones are rows.
    SWEEP_SECONDS = 1.0
    QUEUE_OPTIONS = {"max_delay": timedelta(seconds=5)}

QUEUE = os.environ.get("SHOP_QUEUE")
if QUEUE == "celery":
    STEPPER_MOTOR["SCHEDULER"] = "project.scheduling.through_celery"
    CELERY_BROKER_URL = os.environ.get("SHOP_BROKER_URL", "amqp://guest:guest@127.0.0.1:5672//")
    # Named after the shop, so that it can share a broker with others.
    CELERY_TASK_DEFAULT_QUEUE = CELERY_CONTROL_EXCHANGE = os.environ.get("SHOP_BROKER_QUEUE", "shop")
    CELERY_EVENT_EXCHANGE = f"{CELERY_TASK_DEFAULT_QUEUE}.events"
    CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
    CELERY_WORKER_PREFETCH_MULTIPLIER = 1
    CELERY_DB_REUSE_MAX = 1000
    CELERY_BEAT_SCHEDULE = {"stepper_motor": {"task": "stepper_motor.sweep", "schedule": SWEEP_SECONDS}}
elif QUEUE == "django-tasks":
    INSTALLED_APPS += ["django_tasks_db"] if django.VERSION >= (6,) else ["django_tasks", "django_tasks_db"]
    TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
    STEPPER_MOTOR |= {"SCHEDULER": "project.scheduling.through_django_tasks", "SWEEP_INTERVAL": SWEEP_SECONDS}
elif QUEUE:
    raise ValueError(f"SHOP_QUEUE must be celery or django-tasks, got {QUEUE!r}")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "plain"},
    },
    "loggers": {
        "stepper_motor": {
            "handlers": ["console"],
            "level": os.environ.get("SHOP_LOG_LEVEL", "INFO"),
            "propagate": False,
        },
    },
}
