"""A step that runs in a thread of its own, on a connection of its own, until the test lets it end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from stepper_motor import Outcome, Reattempt, step
from tests.home import Customer, Journey, found, on_its_own

LIMIT = 20.0
"""Seconds a test waits for a thread."""


class Baton:
    """What the step and the test tell one another."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.may_end = threading.Event()
        self.hooks: list[str] = []


def work(self: Any) -> None:
    self.data["worked"] = True
    baton = type(self).baton
    baton.entered.set()
    assert baton.may_end.wait(LIMIT)
    end, *arguments = self.data.get("end", ["complete"])
    if end == "fail":
        raise ConnectionError("no network")
    if end != "complete":
        getattr(self, end)(*arguments)


class Slow(Journey[Customer]):
    """`work` says that it was entered, waits until it may end, and ends as `data["end"]` says."""

    baton = Baton()

    @step
    def before(self): ...

    work = step(work, name="work", wait=3600)

    @step(wait=7200)
    def following(self): ...

    @step
    def far(self): ...

    def after_cancel(self):
        self.baton.hooks.append("after_cancel")

    def after_pause(self):
        self.baton.hooks.append("after_pause")

    def after_finish(self):
        self.baton.hooks.append("after_finish")


class SlowLast(Journey[Customer]):
    """The same, with nothing after it."""

    baton = Slow.baton

    @step
    def before(self): ...

    work = step(work, name="work", wait=3600)


class SlowFailing(Slow):
    """The same, tried again when it fails."""

    on_exception = Reattempt(wait=60, jitter=0)


class SlowSkipped(Slow):
    """The same, passed over when it is lost."""

    if_lost = "skip"


class SlowCanceled(Slow):
    """The same, canceled when it is lost."""

    if_lost = "cancel"


class SlowRenewed(Slow):
    """The same, with a short lease."""

    lease = 1


class Running:
    """A performance in another thread."""

    def __init__(self, journey: Any) -> None:
        self.outcome: Outcome | None = None
        self.error: BaseException | None = None
        self._journey = found(journey)
        self._thread = threading.Thread(target=self._perform)

    def begin(self) -> None:
        Slow.baton.__init__()  # type: ignore[misc]  # one for all the classes, anew for each performance
        self._thread.start()
        assert Slow.baton.entered.wait(LIMIT), "the step was not entered"

    def end(self) -> None:
        Slow.baton.may_end.set()
        self._thread.join(LIMIT)
        assert not self._thread.is_alive()

    def _perform(self) -> None:
        try:
            self.outcome = on_its_own(self._journey.perform_next_step)
        except BaseException as error:
            self.error = error


@contextmanager
def running(journey: Any) -> Iterator[Running]:
    """Within the block the next step of `journey` runs; at its end it is let go, and has ended."""
    performance = Running(journey)
    performance.begin()
    try:
        yield performance
    finally:
        performance.end()
