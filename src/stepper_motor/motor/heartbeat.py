"""Renews leases, in a thread of its own: a step may run for hours, and a busy event loop must not silence it."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from time import monotonic

from stepper_motor.motor import clock
from stepper_motor.motor.events import Event, Events
from stepper_motor.motor.performance import Performance
from stepper_motor.motor.ports import Store

RETRY = 0.5
"""Seconds until a renewal that failed is sent again."""
LONGEST = 1.0
"""Seconds this thread sleeps at the most: it must see what was claimed meanwhile."""
PATIENCE = 1 / 6
"""The part of a lease for which a renewal waits in line for the lock of one row."""

Group = tuple[Store, str, float]


class Heartbeat:
    """Prolongs the lease of every performance it is shown, a third of a lease after the last time.

    It covers rows that wait for a thread, run, or wait for their settlement. A row that others have locked keeps none
    of the others from being renewed: it is waited for afterwards, a little at a time.
    """

    def __init__(self, held: Callable[[], Iterable[Performance]], events: Events, *, longest: float = LONGEST) -> None:
        self._held = held
        self._events = events
        self._longest = min(longest, LONGEST)
        self._stores: set[Store] = set()
        """Those whose connection this thread has used."""
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="stepper_motor heartbeat", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._stopped.wait(self._until_next()):
            try:
                self.beat()
            except Exception as error:
                self._events.tell(Event(name="trouble", detail="a heartbeat failed, it is tried again", error=error))
                self._stopped.wait(min(RETRY, self._longest))
            for store in self._stores:
                store.retire()
        for store in self._stores:
            store.close()

    def _until_next(self) -> float:
        ends = [_next_renewal(performance) for performance in self._held() if _is_renewed(performance)]
        soonest = min(ends, default=monotonic() + self._longest)
        return min(max(soonest - monotonic(), 0.0), self._longest)

    def beat(self) -> None:
        """Renew what is due for it now, and learn what is no longer ours.

        Raises:
            Exception: of the last group that could not be renewed; the others were.
        """
        with self._lock:
            failure: Exception | None = None
            for (store, holder, _), performances in self._due().items():
                self._stores.add(store)
                try:
                    _renew(store, holder, performances)
                except Exception as error:
                    store.let_go()
                    failure = error
            if failure:
                raise failure

    def _due(self) -> dict[Group, list[Performance]]:
        now = monotonic()
        groups: dict[Group, list[Performance]] = {}
        for performance in self._held():
            if _is_renewed(performance) and _next_renewal(performance) <= now:
                key = performance.store, performance.holder, performance.lease.total_seconds()
                groups.setdefault(key, []).append(performance)
        return groups


def _is_renewed(performance: Performance) -> bool:
    """A sync step that ran longer than its timeout can't be stopped; its lease is left to run out."""
    return not performance.is_gone and (performance.deadline is None or monotonic() < performance.deadline)


def _next_renewal(performance: Performance) -> float:
    return performance.lease_ends_at - performance.lease.total_seconds() * 2 / 3


def _renew(store: Store, holder: str, performances: list[Performance]) -> None:
    locked = _renewed(store, holder, performances, patience=0.0)
    if not locked:
        return
    # In line for the lock, so that it is ours before a recovery can have it; for one of them, then for another.
    waiting = random.choice(locked)
    try:
        _renewed(store, holder, [waiting], patience=waiting.lease.total_seconds() * PATIENCE)
    except Exception as error:
        if not store.is_transient(error):
            raise
        store.let_go()


def _renewed(store: Store, holder: str, performances: list[Performance], *, patience: float) -> list[Performance]:
    """Returns those whose row others have locked."""
    sent_at = monotonic()
    holdings = {performance.id: performance.holding for performance in performances}
    gone, locked = store.renew(list(holdings.values()), holder, performances[0].lease, patience=patience)
    for performance in performances:
        # After a run-on the fence in our hands may be newer than the one we sent: ask again before calling it lost.
        same = performance.fence == holdings[performance.id].fence
        if performance.id not in gone and performance.id not in locked:
            performance.lease_ends_at = sent_at + performance.lease.total_seconds()
        elif same and performance.id in gone:
            performance.gone_with = performance.fence
    return [performance for performance in performances if performance.id in locked]


@contextmanager
def beating(performance: Performance, events: Events) -> Iterator[None]:
    """A heartbeat for one performance by hand; none in a test's transaction, into which no other connection sees."""
    if performance.store.in_test() or isinstance(clock.installed(), clock.SetClock):
        yield
        return
    longest = performance.lease.total_seconds() * PATIENCE
    heartbeat = Heartbeat(lambda: [performance], events, longest=longest)
    heartbeat.start()
    try:
        yield
    finally:
        heartbeat.stop()
