"""The tests that a page shows, run as Django or pytest would."""

from __future__ import annotations

import inspect
import traceback
import unittest
from collections.abc import Callable
from contextlib import ExitStack, asynccontextmanager, contextmanager
from typing import Any

from asgiref.sync import async_to_sync
from django.test import TestCase

from tests.docs.stage import BEHIND
from tests.docs.statements import Wait, Wrong

Fixture = Callable[[str], Any]
"""Gives a fixture of pytest's by its name."""


def run_in_django(name: str, value: Any, fixture: Fixture) -> None:
    """Run what pytest or Django would take for a test."""
    if name.startswith("test_") and callable(value):
        given = {each: fixture(each) for each in inspect.signature(value).parameters}
        case: Any = type(name, (TestCase,), {"runTest": lambda _: _call(value, given)})()
        _check_passes(unittest.TestSuite([case]))
    elif isinstance(value, type) and issubclass(value, unittest.TestCase) and value.__module__.startswith(BEHIND):
        _check_passes(unittest.defaultTestLoader.loadTestsFromTestCase(value))


def _call(test: Callable[..., Any], given: dict[str, Any]) -> None:
    async_to_sync(test)(**given) if inspect.iscoroutinefunction(test) else test(**given)


def _check_passes(suite: unittest.TestSuite) -> None:
    result = unittest.TestResult()
    suite.run(result)
    if not result.testsRun or not result.wasSuccessful():
        raise Wrong("\n".join(text for _, text in (*result.errors, *result.failures)) or "no test in it")


class Service:
    """Runs the tests of a service, with the fixtures that its page defines, and pytest's own.

    Args:
        namespace: of the page.
        fixture: for those that the page does not define.
        wait: for what is async.
    """

    def __init__(self, namespace: dict[str, Any], fixture: Fixture, wait: Wait) -> None:
        self._namespace = namespace
        self._fixture = fixture
        self._wait = wait

    def run(self, name: str, value: Any) -> None:
        """Run what pytest would take for a test."""
        if not (name.startswith("test_") and callable(value)):
            return
        try:
            with ExitStack() as stack:
                result = value(*self._given(value, stack, {}))
                if inspect.iscoroutine(result):
                    self._wait(result)
        except Exception as error:
            raise Wrong(f"{name}: {traceback.format_exc()}") from error

    def _given(self, function: Any, stack: ExitStack, made: dict[str, Any]) -> list[Any]:
        """The arguments of a test or a fixture; each is made once for the test."""
        names = list(inspect.signature(function).parameters)
        for name in names:
            if name not in made:
                made[name] = self._made(name, stack, made)
        return [made[name] for name in names]

    def _made(self, name: str, stack: ExitStack, made: dict[str, Any]) -> Any:
        if name not in self._namespace:
            return self._fixture(name)
        function = inspect.unwrap(self._namespace[name])
        given = self._given(function, stack, made)
        if inspect.isasyncgenfunction(function):
            awaited = asynccontextmanager(function)(*given)
            stack.callback(lambda: self._wait(awaited.__aexit__(None, None, None)))
            return self._wait(awaited.__aenter__())
        if inspect.isgeneratorfunction(function):
            return stack.enter_context(contextmanager(function)(*given))
        result = function(*given)
        return self._wait(result) if inspect.iscoroutine(result) else result
