"""One heartbeat for all that is performed by hand or for a queue: a thread for each would cost more than a step."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from weakref import WeakKeyDictionary

from stepper_motor.motor import clock
from stepper_motor.motor.events import Events
from stepper_motor.motor.forks import KnowsForks
from stepper_motor.motor.heartbeat import LONGEST, Heartbeat
from stepper_motor.motor.performance import Performance
from stepper_motor.motor.ports import Store

PATIENCE = 0.25
"""Seconds it waits for a row that others have locked, before it looks after the rest again: with a lease of a second,
a performance that began meanwhile has to be renewed after a third of it."""
IDLE = 10.0
"""Seconds without a performance after which its thread ends; the next one starts another."""


class Pulse(KnowsForks):
    """Renews the leases of the performances that are shown to it.

    A thread for each table, which starts with the first: a database that does not answer delays no other's renewals.
    """

    def __init__(self, events: Events) -> None:
        self._events = events
        self.begin_anew()
        self.begins_anew_in_a_fork()

    def begin_anew(self) -> None:
        """A fork holds nothing."""
        self._lock = threading.Lock()
        self._beats: WeakKeyDictionary[Store, _Beat] = WeakKeyDictionary()

    @contextmanager
    def beating(self, performance: Performance) -> Iterator[None]:
        """Within the block, renew its lease; not in a test's transaction, into which no other connection sees."""
        if performance.store.in_test() or isinstance(clock.installed(), clock.SetClock):
            yield
            return
        beat = self._beat_of(performance.store)
        beat.add(performance)
        try:
            yield
        finally:
            beat.remove(performance)

    def _beat_of(self, store: Store) -> _Beat:
        with self._lock:
            if store not in self._beats:
                self._beats[store] = _Beat(self._events)
            return self._beats[store]


class _Beat:
    """What is performed of one table, and the thread that renews it."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._lock = threading.Lock()
        self._held: set[Performance] = set()
        self._heartbeat: Heartbeat | None = None
        self._rests_since = monotonic()

    def add(self, performance: Performance) -> None:
        with self._lock:
            if self._heartbeat is None or not self._heartbeat.is_alive:
                heartbeat = Heartbeat(self._shown, self._events, patience=PATIENCE, may_end=self._may_end)
                heartbeat.start()
                self._heartbeat = heartbeat
            elif performance.lease.total_seconds() / 3 <= LONGEST:
                self._heartbeat.look()
            self._held.add(performance)

    def remove(self, performance: Performance) -> None:
        ended = None
        with self._lock:
            self._held.discard(performance)
            self._rests_since = monotonic()
            if self._heartbeat and self._heartbeat.has_connections and not self._held:
                # Whoever waits until this is done may go on to drop the database.
                ended, self._heartbeat = self._heartbeat, None
        if ended:
            ended.stop()

    def _shown(self) -> list[Performance]:
        with self._lock:
            return list(self._held)

    def _may_end(self) -> bool:
        """Asked by the heartbeat's thread: True is a promise that it is asked for nothing more."""
        with self._lock:
            ends = not self._held and monotonic() - self._rests_since > IDLE
            if ends:
                self._heartbeat = None
            return ends
