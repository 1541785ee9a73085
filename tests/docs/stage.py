"""Where a page is played: the app `shop`, the modules that its blocks write, a clock, and tables for its own models.

`from shop.models import Customer` gives what `tests.shop.models` has. A block that begins with `# shop/bank.py` is that
file; what a file defines, the rest of the page knows as well. Journeys of a page are of the app `shop`, and are
forgotten when the page ends.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import cached_property
from importlib import import_module
from types import ModuleType
from typing import Any

from django.apps import apps
from django.core.signals import setting_changed
from django.db import connection

from stepper_motor.django.metaclass import roots
from stepper_motor.motor.clock import SetClock, installing
from tests.docs.service import Service, serving
from tests.docs.statements import wait_in_django

APP = "tests.shop"
BEHIND = f"{APP}.manual"
"""The package whose modules stand behind `shop.journeys` and the other files of a page."""
MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
"""Where the clock stands when a page begins."""


class Stage:
    """The namespace of a page, and the modules that its files are.

    Args:
        stack: ends what the page begins.
    """

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._modules: dict[str, ModuleType] = {}
        self.namespace = self.module("shop/journeys.py").__dict__

    @cached_property
    def service(self) -> Service:
        """Where the blocks for SQLAlchemy are played."""
        return self._stack.enter_context(serving())

    wait = staticmethod(wait_in_django)

    def module(self, file: str) -> ModuleType:
        """The module that a file of the app is; it stays the same for the page."""
        name = file.removesuffix(".py").replace("/", ".")
        if name not in self._modules:
            module = self._modules[name] = ModuleType(f"{BEHIND}.{name.removeprefix('shop.')}")
            if name == "shop.models":  # what the page adds to it stands beside what there is
                module.__dict__.update({k: v for k, v in vars(sys.modules[name]).items() if not k.startswith("__")})
            sys.modules[module.__name__] = sys.modules[name] = module
            setattr(sys.modules["shop"], name.removeprefix("shop."), module)
        return self._modules[name]

    def publish(self, file: str) -> None:
        """Let the page know what the file defines."""
        for name, value in vars(self.module(file)).items():
            if not name.startswith("__"):
                self.namespace[name] = value

    def make_tables(self) -> None:
        """Give every journey with a table of its own that the page defines its table, if it has none yet."""
        existing = connection.introspection.table_names()
        with connection.schema_editor() as editor:
            for root in _own_roots():
                for model in (root, root.History):
                    if model._meta.db_table not in existing:
                        editor.create_model(model)


@contextmanager
def staged() -> Iterator[Stage]:
    """A stage, and afterwards everything as it was."""
    before, environment = dict(sys.modules), dict(os.environ)
    sys.modules["shop"] = _package()
    sys.modules["shop.models"] = import_module(f"{APP}.models")
    _forget_motor()
    try:
        with installing(SetClock(MONDAY)), ExitStack() as stack:
            yield Stage(stack)
    finally:
        _drop_tables()
        _forget_classes()
        _forget_motor()
        os.environ.clear()
        os.environ.update(environment)
        for name in set(sys.modules) - set(before):
            if name == "shop" or name.startswith(("shop.", f"{BEHIND}.")):
                del sys.modules[name]


def _package() -> ModuleType:
    """`shop`, to which a page may add modules; those of `tests.shop` stay as they are."""
    package = ModuleType("shop")
    package.__path__ = import_module(APP).__path__
    return package


def _own_roots() -> list[Any]:
    return [root for root in roots if root.__module__.startswith(BEHIND)]


def _drop_tables() -> None:
    with connection.schema_editor() as editor:
        for root in _own_roots():
            editor.delete_model(root.History)
            editor.delete_model(root)


def _forget_classes() -> None:
    for root in _own_roots():
        roots.remove(root)
    for root in roots:
        for cls in root.registry:
            if cls.__module__.startswith(BEHIND):
                root.registry.remove(cls)
    for models in apps.all_models.values():
        for name in [name for name, model in models.items() if model.__module__.startswith(BEHIND)]:
            del models[name]
    apps.clear_cache()


def _forget_motor() -> None:
    """The motor of the next page is built anew, from what is defined then."""
    setting_changed.send(sender=Stage, setting="STEPPER_MOTOR", value=None, enter=False)
