"""Renews leases, in a thread of its own: a step may run for hours, and a busy event loop must not silence it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from time import monotonic

from stepper_motor.motor import clock
from stepper_motor.motor.events import Event, Events
from stepper_motor.motor.performance import Performance
from stepper_motor.motor.ports import Store
from stepper_motor.motor.waiting import pause_for

RETRY = 0.5
"""Seconds until a renewal that failed is sent again."""


class Heartbeat:
    """Prolongs the lease of every performance it is shown, a third of a lease after the last time.

    It covers rows that wait for a thread, run, or wait for their settlement.
    """

    def __init__(self, held: Callable[[], Iterable[Performance]], events: Events) -> None:
        self._held = held
        self._events = events
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
                pause_for(RETRY)
        for store in self._stores:
            store.close()

    def _until_next(self) -> float:
        ends = [_next_renewal(performance) for performance in self._held() if _is_renewed(performance)]
        soonest = min(ends, default=monotonic() + 1.0)
        return min(max(soonest - monotonic(), 0.0), 1.0)

    def beat(self) -> None:
        """Renew what is due for it now, and learn what is no longer ours."""
        with self._lock:
            now = monotonic()
            due = [p for p in self._held() if _is_renewed(p) and _next_renewal(p) <= now]
            groups: dict[tuple[Store, str, float], list[Performance]] = {}
            for performance in due:
                lease = performance.lease.total_seconds()
                groups.setdefault((performance.store, performance.holder, lease), []).append(performance)
            for (store, holder, _), performances in groups.items():
                self._stores.add(store)
                _renew(store, holder, performances)


def _is_renewed(performance: Performance) -> bool:
    """A sync step that ran longer than its timeout can't be stopped; its lease is left to run out."""
    return not performance.is_gone and (performance.deadline is None or monotonic() < performance.deadline)


def _next_renewal(performance: Performance) -> float:
    return performance.lease_ends_at - performance.lease.total_seconds() * 2 / 3


def _renew(store: Store, holder: str, performances: list[Performance]) -> None:
    try:
        sent_at = monotonic()
        holdings = {performance.id: performance.holding for performance in performances}
        gone = store.renew(list(holdings.values()), holder, performances[0].lease)
    except Exception:
        store.let_go()
        raise
    for performance in performances:
        # After a run-on the fence in our hands may be newer than the one we sent: ask again before calling it lost.
        same = performance.fence == holdings[performance.id].fence
        if performance.id not in gone:
            performance.lease_ends_at = sent_at + performance.lease.total_seconds()
        elif same:
            performance.is_gone = True


@contextmanager
def beating(performance: Performance, events: Events) -> Iterator[None]:
    """A heartbeat for one performance by hand; none in a test's transaction, into which no other connection sees."""
    if performance.store.in_test() or isinstance(clock.installed(), clock.SetClock):
        yield
        return
    heartbeat = Heartbeat(lambda: [performance], events)
    heartbeat.start()
    try:
        yield
    finally:
        heartbeat.stop()
