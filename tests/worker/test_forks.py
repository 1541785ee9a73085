"""What a forked process begins anew, and what it leaves to its parent."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from asgiref.sync import sync_to_async

from stepper_motor.django.threads import in_a_thread_of_its_own
from stepper_motor.motor.forks import KnowsForks, never_let_go
from stepper_motor.motor.loop import LoopThread
from tests.forks import is_right_in_a_fork

pytestmark = [pytest.mark.pure, pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork() here")]


class Connection:
    """One that says goodbye when nobody needs it any more."""

    said: list[str] = []

    def __del__(self):
        self.said.append("goodbye")


class Connected(KnowsForks):
    def __init__(self):
        self.connection = Connection()
        self.begins_anew_in_a_fork()

    def left_to_parent(self):
        return (self.connection,)

    def begin_anew(self):
        self.connection = None


def test_threads_that_fork_at_once_say_nothing_on_the_connections_of_their_parent(monkeypatch):
    monkeypatch.setattr(Connection, "said", [])
    connected = Connected()

    def is_silent():
        gc.collect()
        return connected.connection is None and not Connection.said

    with ThreadPoolExecutor(3) as threads:
        results = list(threads.map(lambda _: is_right_in_a_fork(is_silent), range(60)))
    assert results == [True] * 60
    assert connected.connection is not None


def test_what_other_threads_add_while_one_forks_is_no_reason_to_hold_nothing(monkeypatch):
    monkeypatch.setattr(Connection, "said", [])
    connected = Connected()
    monkeypatch.setattr(connected, "left_to_parent", Growing(connected.left_to_parent))

    def is_silent():
        gc.collect()
        return not Connection.said

    assert is_right_in_a_fork(is_silent)


class Growing:
    """Says, when it is asked for the first time, that a set has changed meanwhile."""

    def __init__(self, parts):
        self._parts = parts
        self._asked = False

    def __call__(self):
        if not self._asked:
            self._asked = True
            raise RuntimeError("Set changed size during iteration")
        return self._parts()


def test_a_python_without_ctypes_keeps_what_is_its_parents_as_well(monkeypatch):
    monkeypatch.setattr(Connection, "said", [])
    monkeypatch.setitem(sys.modules, "ctypes", None)
    never_let_go(Connection())
    gc.collect()
    assert Connection.said == []


def test_a_fork_has_an_event_loop_of_its_own():
    loop = LoopThread(lambda error: None)

    def answers():
        return asyncio.run_coroutine_threadsafe(asyncio.sleep(0, "an answer"), loop.loop).result()

    try:
        assert answers() == "an answer"
        assert is_right_in_a_fork(lambda: answers() == "an answer")
        assert answers() == "an answer"
    finally:
        loop.stop()


def test_a_fork_has_threads_of_its_own_for_the_orm_calls_of_async_steps():
    def performs():
        step = in_a_thread_of_its_own(sync_to_async(lambda: "done")(), lambda commit: None, lambda: None)
        return asyncio.run(step)

    assert [performs() for _ in range(3)] == ["done"] * 3
    assert is_right_in_a_fork(lambda: [performs() for _ in range(3)] == ["done"] * 3)
