"""What a worker has done by a thread of its own, since it may take its time: a queue's broker may not answer."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue

from stepper_motor.motor.forks import KnowsForks
from stepper_motor.motor.threads import started

MOST = 10_000
"""How many may wait; those that come then are refused."""
TO_END = 2.0
"""Seconds that what waits has to be done when the last worker ends."""
_logger = logging.getLogger("stepper_motor")

Errand = Callable[[], object]


class Errands(KnowsForks):
    """Done one after the other: by a thread, as long as somebody employs it, else by whoever asks."""

    def __init__(self) -> None:
        self.begin_anew()
        self.begins_anew_in_a_fork()

    def begin_anew(self) -> None:
        self._lock = threading.Lock()
        self._employers: list[Callable[[], object]] = []
        self._waiting: SimpleQueue[Errand | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    @contextmanager
    def employed(self, leave: Callable[[], object]) -> Iterator[None]:
        """Within the block there is a thread for them. What waits at the end of the last block is done, or given up.

        Args:
            leave: called by the thread when it ends, so that it leaves no connection behind.
        """
        with self._lock:
            self._employers.append(leave)
        try:
            yield
        finally:
            self._dismiss(leave)

    def _dismiss(self, leave: Callable[[], object]) -> None:
        with self._lock:
            self._employers.remove(leave)
            if self._employers or self._thread is None:
                return
            self._waiting.put(None)
            thread, self._thread = self._thread, None
            waiting, self._waiting = self._waiting, SimpleQueue()
        thread.join(TO_END)
        if thread.is_alive():  # with one in hand; the last that waits is the word that there are no more
            _logger.warning("tickets of %d commits could not be handed over any more; the sweep will", waiting.qsize())

    def do(self, errand: Errand) -> bool:
        """Do it, or have it done; False: too many wait."""
        with self._lock:
            if self._employers:
                return self._left(errand)
        errand()
        return True

    def _left(self, errand: Errand) -> bool:
        if self._waiting.qsize() >= MOST:
            return False
        self._waiting.put(errand)
        if self._thread is None:
            waiting, leave = self._waiting, self._employers[0]
            self._thread = started(lambda: _run(waiting, leave), "errands")
        return True


def _run(waiting: SimpleQueue[Errand | None], leave: Callable[[], object]) -> None:
    for errand in iter(waiting.get, None):
        try:
            errand()
        except BaseException:  # a queue's client may raise anything, and others' tickets wait
            _logger.exception("handing over a ticket raised")
    leave()
