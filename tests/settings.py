"""Django settings of the tests. The database is the one that `databases.py` reads from the environment."""

from __future__ import annotations

import importlib.util
from typing import Any

from tests import databases

SECRET_KEY = "for tests only"
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "tests.urls"
STATIC_URL = "static/"
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}  # Django 6.1 asks for it
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "stepper_motor.django",
    "tests.shop",
]

MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
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
            ],
        },
    },
]


def database(kind: str) -> dict[str, Any]:
    """The settings of one database.

    The test database has the same name as the database itself: a process that a test starts knows only these
    settings, and must reach the database which the test sees.
    """
    if kind == "sqlite":
        file = str(databases.sqlite_file(databases.name()))
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": file,
            "TEST": {"NAME": file},
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
                "timeout": 20,
            },
        }
    server = databases.server(kind)
    return {
        "ENGINE": {"postgresql": "django.db.backends.postgresql", "mariadb": "django.db.backends.mysql"}[kind],
        "NAME": databases.name(),
        "HOST": server.host,
        "PORT": server.port,
        "USER": server.user,
        "PASSWORD": server.password,
        "TEST": {"NAME": databases.name(), "CHARSET": {"postgresql": "UTF8", "mariadb": "utf8mb4"}[kind]},
        "OPTIONS": {"charset": "utf8mb4"} if kind == "mariadb" else {},
    }


DATABASES = {"default": database(databases.chosen())}

if databases.chosen() == "mariadb" and importlib.util.find_spec("MySQLdb") is None:
    import pymysql

    pymysql.install_as_MySQLdb()
