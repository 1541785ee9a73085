"""Renews leases, in a thread of its own: a step may run for hours, and a busy event loop must not silence it."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from math import inf
from time import monotonic

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

    def __init__(
        self,
        held: Callable[[], Iterable[Performance]],
        events: Events,
        *,
        longest: float = LONGEST,
        patience: float = inf,
        may_end: Callable[[], bool] = lambda: False,
    ) -> None:
        self._held = held
        self._events = events
        self._longest = min(longest, LONGEST)
        self._patience = patience
        """Seconds that it waits for a row at the most, where others may be held meanwhile whose leases are shorter."""
        self._may_end = may_end
        """Asked now and then: whether its thread is to end by itself."""
        self._stores: set[Store] = set()
        """Those whose connection this thread has used."""
        self._stopping = False
        self._woken = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="stepper_motor heartbeat", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def look(self) -> None:
        """Something is held whose renewal comes before this thread would look."""
        self._woken.set()

    def stop(self) -> None:
        self._stopping = True
        self._woken.set()
        self._thread.join(timeout=5)

    @property
    def has_connections(self) -> bool:
        return bool(self._stores)

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            wait = self._until_next()
            while not self._is_to_end(wait):
                wait = self._beaten()
        finally:
            for store in self._stores:
                with suppress(Exception):  # whatever is wrong with a connection, there is nothing left to ask it
                    store.close()

    def _beaten(self) -> float:
        """Renew; returns how long to sleep then."""
        try:
            self.beat()
            for store in self._stores:
                store.retire()
            return self._until_next()
        except Exception as error:
            self._events.tell(Event(name="trouble", detail="a heartbeat failed, it is tried again", error=error))
            return min([RETRY, self._longest, *(each.lease.total_seconds() * PATIENCE for each in self._held())])

    def _is_to_end(self, wait: float) -> bool:
        self._woken.wait(wait)
        self._woken.clear()
        return self._stopping or self._may_end()

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
            locked: list[Performance] = []
            for performances in self._due().values():
                store = performances[0].store
                self._stores.add(store)
                try:
                    locked += _renewed(performances, patience=0.0)
                except Exception as error:
                    store.let_go()
                    failure = error
            if locked:
                # In line for the lock, so that it is ours before a recovery can have it; for one, then for another.
                self._wait_for(random.choice(locked), locked)
            if failure:
                raise failure

    def _wait_for(self, waiting: Performance, locked: list[Performance]) -> None:
        """No longer than any other can do without its renewal."""
        held = [performance for performance in self._held() if _is_renewed(performance)]
        leases = [performance.lease.total_seconds() for performance in (waiting, *held)]
        until_others = [_next_renewal(performance) - monotonic() for performance in held if performance not in locked]
        patience = min([self._patience, min(leases) * PATIENCE, *until_others])
        if patience <= 0.0:
            return
        try:
            _renewed([waiting], patience=patience)
        except Exception as error:
            if not waiting.store.is_transient(error):
                raise
            waiting.store.let_go()

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


def _renewed(performances: list[Performance], *, patience: float) -> list[Performance]:
    """Of one table, holder and lease. Returns those whose row others have locked."""
    store, holder = performances[0].store, performances[0].holder
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
