"""Settings of the shop. What the demo sets from outside comes in as `SHOP_...` environment variables."""

import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

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
if clock := hurried_clock():
    # Demo only: time runs fast, so a dead worker should be noticed fast, and what ended is kept to be counted.
    STEPPER_MOTOR = {"CLOCK": clock, "LEASE": timedelta(seconds=4), "DELETE_COMPLETED_AFTER": None}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "plain"},
    },
    "loggers": {
        "stepper_motor": {"handlers": ["console"], "level": os.environ.get("SHOP_LOG_LEVEL", "INFO")},
    },
}
