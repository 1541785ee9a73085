"""Where the blocks marked `sqlalchemy` are played: the service of a page, on a database and an event loop of its own.

`from service.models import Customer, Journey` gives what `tests/docs/prepared/models.py` has, made anew for each page,
unless a block that begins with `# service/models.py` is that file. `DATABASE_URL` and `ASYNC_DATABASE_URL` lead to the
page's database, `SHOP_DATABASE_URL` to the one of its Django app. Tables are made as soon as a block has defined them.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlalchemy import Engine, MetaData, NullPool, create_engine
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import Session

from stepper_motor.sqlalchemy import Motor
from tests import databases
from tests.sqlalchemy.app import ASYNC, SYNC, database, url

PACKAGE = "service"
PREPARED = Path(__file__).parent / "prepared"
OF_A_PAGE = "__is_of_a_page__"


class Service:
    """The namespace of a page's blocks, and the modules that its files are."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._runner = asyncio.Runner()
        self._made: set[str] = set()
        self.namespace = self.module("service/journeys.py").__dict__

    def module(self, file: str) -> ModuleType:
        """The module that a file of the service is; it stays the same for the page."""
        return _module(file.removesuffix(".py").removesuffix("/__init__").replace("/", "."))

    def publish(self, file: str) -> None:
        """Let the page know what the file defines."""
        for name, value in vars(self.module(file)).items():
            if not name.startswith("__"):
                self.namespace[name] = value

    def wait(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Await it on the page's event loop: connections of an async driver belong to one."""
        return self._runner.run(coroutine)

    def make_tables(self) -> None:
        """Give every table that the page defines to the database, if it is not there yet."""
        for metadata in self._found(MetaData, _metadata_of):
            if not metadata.tables.keys() <= self._made:
                metadata.create_all(self._engine)
                self._made |= metadata.tables.keys()

    def end(self) -> None:
        """Close what the page has opened."""
        for session in self._found(Session):
            session.close()
        for async_session in self._found(AsyncSession):
            self.wait(async_session.close())
        for motor in self._found(Motor):
            motor.close()
        for engine in self._found(Engine):
            engine.dispose()
        for async_engine in self._found(AsyncEngine):
            self.wait(async_engine.dispose())
        self._runner.close()

    def _found(self, kind: type[Any], of: Callable[[Any], Any] = lambda each: each) -> list[Any]:
        """What the modules of the page have of this kind, each once. Not by `isinstance`, which would open proxies."""
        values = [of(value) for module in _modules().values() for value in vars(module).values()]
        return list({id(value): value for value in values if issubclass(type(value), kind)}.values())


def _metadata_of(value: Any) -> Any:
    """Of a mapped class or a base."""
    return getattr(value, "metadata", None) if issubclass(type(value), type) else None


@contextmanager
def serving() -> Iterator[Service]:
    """A service, and afterwards everything as it was."""
    name = f"{databases.name()}_docs"
    with ExitStack() as stack:
        stack.enter_context(database(name))
        os.environ["DATABASE_URL"] = url(SYNC, name).render_as_string(hide_password=False)
        os.environ["ASYNC_DATABASE_URL"] = url(ASYNC, name).render_as_string(hide_password=False)
        os.environ["SHOP_DATABASE_URL"] = url(SYNC, databases.name()).render_as_string(hide_password=False)
        _module(PACKAGE).__path__ = [str(PREPARED)]
        stack.callback(_forget_modules)
        service = Service(create_engine(url(SYNC, name), poolclass=NullPool))
        stack.callback(service.end)
        yield service


def _module(name: str) -> ModuleType:
    """The module of this name, empty if there was none, in packages that are made with it."""
    parent, _, last = name.rpartition(".")
    if parent:
        _module(parent)
    if name not in sys.modules:
        sys.modules[name] = module = ModuleType(name)
        module.__dict__[OF_A_PAGE] = True
        if parent:
            setattr(sys.modules[parent], last, module)
    return sys.modules[name]


def _modules() -> dict[str, ModuleType]:
    """Those that the page has written, and those that were prepared for it and that it has imported."""
    packages = {name for name, module in sys.modules.items() if OF_A_PAGE in vars(module)}
    return {name: sys.modules[name] for name in sys.modules if name.partition(".")[0] in packages}


def _forget_modules() -> None:
    for name in _modules():
        del sys.modules[name]
