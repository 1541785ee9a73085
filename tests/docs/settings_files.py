"""Blocks that show `settings.py`: what they set is read as Django and the library read it, and nothing of it stays."""

from __future__ import annotations

import logging
import logging.config
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.apps import AppConfig
from django.db import ConnectionHandler
from django.test import override_settings
from django.utils.module_loading import import_string

from stepper_motor.django.engine import read_settings
from stepper_motor.motor import clock
from tests.docs import statements
from tests.docs.pages import Block
from tests.docs.statements import Wrong


def run(block: Block) -> None:
    """Run the block as a file of its own, and try every setting in it.

    Raises:
        Wrong: it sets something that nobody reads here.
    """
    with TemporaryDirectory() as folder:
        namespace: dict[str, Any] = {"__name__": "settings", "BASE_DIR": Path(folder)}
        statements.run(block, namespace)
        for name in [name for name in namespace if name.isupper() and name != "BASE_DIR"]:
            if name not in _TRIED:
                raise Wrong(f"{block}: nobody tries the setting {name}")
            _TRIED[name](namespace[name])


def _installed_apps(names: list[str]) -> None:
    for name in names:
        AppConfig.create(name)


def _stepper_motor(given: dict[str, Any]) -> None:
    with clock.installing(clock.installed()), override_settings(STEPPER_MOTOR=given):
        read_settings()


def _databases(databases: dict[str, Any]) -> None:
    """Those that need no server are connected to."""
    handler = ConnectionHandler(databases)
    for alias in databases:
        connection = handler[alias]
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
            connection.close()


def _tasks(backends: dict[str, dict[str, Any]]) -> None:
    for backend in backends.values():
        import_string(backend["BACKEND"])


def _routers(names: list[str]) -> None:
    for name in names:
        import_string(name)()


def _logging(given: dict[str, Any]) -> None:
    with _loggers_kept(["", *given.get("loggers", {})]):
        logging.config.dictConfig(given)


@contextmanager
def _loggers_kept(names: list[str]) -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in names]
    before = [(each.handlers[:], each.level, each.propagate) for each in loggers]
    try:
        yield
    finally:
        for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
            logger.handlers, logger.propagate = handlers, propagate
            logger.setLevel(level)


_TRIED: dict[str, Callable[[Any], None]] = {
    "DATABASES": _databases,
    "DATABASE_ROUTERS": _routers,
    "EMAIL_BACKEND": import_string,
    "INSTALLED_APPS": _installed_apps,
    "LOGGING": _logging,
    "STEPPER_MOTOR": _stepper_motor,
    "TASKS": _tasks,
}
