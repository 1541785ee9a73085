"""What a worker has in its hands: each performance, from its claim to the commit of its settlement."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Any

from stepper_motor.journeys.outcomes import Outcome
from stepper_motor.journeys.row import Row, State, Transition
from stepper_motor.motor.events import Event
from stepper_motor.motor.loop import LoopThread
from stepper_motor.motor.motor import Motor, ready_of
from stepper_motor.motor.pace import Pace
from stepper_motor.motor.performance import Performance
from stepper_motor.motor.performers import Performers
from stepper_motor.motor.ports import JourneyId, Settlement, Store
from stepper_motor.motor.settler import Settler
from stepper_motor.motor.threads import started

PATIENCE = 1.0
"""Seconds for which rows that others have locked are waited for when they are handed back."""
LAST_COMMIT = 0.5
"""Seconds that the settler has at least to write what it was given before it ends."""


class Work:
    """Keeps what is held, and hands it from the performers to the settler and back."""

    def __init__(
        self, motor: Motor, name: str, pace: Pace, *, is_stopping: Callable[[], bool], freed: Callable[[], None]
    ) -> None:
        self._motor = motor
        self._name = name
        self._pace = pace
        self._is_stopping = is_stopping
        self._freed = freed
        self._held: set[Performance] = set()
        self._awaiting: set[Performance] = set()
        self._waiting: dict[Performance, float] = {}
        """Since when each waits for a thread, the longest first."""
        self._left: set[tuple[Store, JourneyId]] = set()
        self.outages = 0
        self._loop = LoopThread(lambda error: self.trouble("an async step's own task ended the event loop", error))
        self._performers = Performers(self, self._loop, pace.concurrency)
        self._settler = Settler(motor, name, self, is_stopping)

    def start(self) -> None:
        self._thread = started(self._settler.run, "settler")

    # ------------------------------------------------------------------------------------ asked by the worker

    @property
    def held(self) -> list[Performance]:
        """The heartbeat renews the leases of these."""
        return list(self._held)

    @property
    def in_threads(self) -> int:
        return len(self._held) - len(self._awaiting)

    @property
    def awaited(self) -> int:
        return len(self._awaiting)

    def knows(self, store: Store, id: JourneyId) -> bool:
        """Whether the row is in work, or was and is left to its lease."""
        held = any(performance.store is store and performance.id == id for performance in self.held)
        return held or (store, id) in self._left

    @property
    def longest_wait(self) -> float:
        """Seconds."""
        since = list(self._waiting.values())  # copied at one go: other threads add and take away
        return monotonic() - since[0] if since else 0.0

    def begin(self, performance: Performance) -> None:
        """Just claimed: perform it."""
        self._held.add(performance)
        self._left.discard((performance.store, performance.id))
        self._assign(performance)

    def hand_back(self) -> None:
        """What was claimed and not begun becomes ready again, at once and for everybody."""
        waiting: dict[Store, list[Performance]] = {}
        for performance in self._performers.take_back():
            self._waiting.pop(performance, None)
            waiting.setdefault(performance.store, []).append(performance)
        for store, performances in waiting.items():
            self._hand_back(store, performances)

    def cancel_awaited(self) -> None:
        """Interrupt the async steps: each is settled as lost, by a graceful stop."""
        self._performers.cancel_awaited()

    def end(self, until: float) -> None:
        """End all threads, but not later than `until` (monotonic)."""
        self._performers.end(until)
        self._settler.end()
        self._thread.join(max(until - monotonic(), LAST_COMMIT))
        self._loop.stop()
        for store in self._motor.stores:
            store.close_awaited()

    def trouble(self, detail: str, error: BaseException) -> None:
        """Say so, and have every thread try its connections if the database was away."""
        if any(store.is_disconnect(error) for store in self._motor.stores):
            self.outages += 1
        self.freshen()
        self._motor.events.tell(Event(name="trouble", worker=self._name, detail=detail, error=error))

    def freshen(self) -> None:
        for store in self._motor.stores:
            with suppress(Exception):  # whatever is wrong with a connection, the next statement will say it
                store.let_go()

    def retire(self) -> None:
        """Close this thread's connections if they are too old."""
        for store in self._motor.stores:
            store.retire()

    def close(self) -> None:
        for store in self._motor.stores:
            store.close()

    # ---------------------------------------------------------------------------------- told by the performers

    def ended(self, performance: Performance, result: Settlement | Transition | None) -> None:
        if isinstance(result, Settlement):
            if performance.may_run_on():
                performance.claim_next_with(result)
            self._settler.put(performance, result)
        elif result is not None:
            assert performance.in_doubt is not None
            self.concludes(performance, performance.in_doubt.ending.outcome, result)
        else:
            self._release(performance)
            self._motor.gave_back(performance)

    def superseded(self, performance: Performance, error: Exception | None = None) -> None:
        self._release(performance)
        self._motor.superseded(performance, error)

    def leaves(self, performance: Performance) -> None:
        self._left.add((performance.store, performance.id))
        self._release(performance)

    def took(self, seconds: float) -> None:
        self._pace.took(seconds)

    def begins(self, performance: Performance) -> None:
        self._waiting.pop(performance, None)

    # ------------------------------------------------------------------------------------- told by the settler

    def runs_on(self, performance: Performance, outcome: Outcome, transition: Transition, fresh: Any) -> None:
        self._motor.tell_performed(performance, outcome, transition)
        performance.next_step(fresh)
        performance.lease_ends_at = performance.run_on_asked_at + performance.lease.total_seconds()
        self._assign(performance)

    def concludes(self, performance: Performance, outcome: Outcome, transition: Transition | None) -> None:
        if transition is not None and performance.journey.definition.has_hooks:
            # The app's own code runs in a performer, never in the thread that everybody's settlements go through.
            conclude = lambda: self._conclude(performance, outcome, transition)  # noqa: E731
            self._performers.call(conclude, awaited=performance in self._awaiting)
        else:
            self._conclude(performance, outcome, transition)

    # ------------------------------------------------------------------------------------------------- inside

    def _conclude(self, performance: Performance, outcome: Outcome, transition: Transition | None) -> None:
        try:
            # A worker's own announcements cost no commit: the workers of other processes look within a second.
            self._motor.conclude(performance, outcome, transition, elsewhere=False)
        finally:
            self._release(performance)

    def _assign(self, performance: Performance) -> None:
        awaited = performance.step is not None and performance.step.is_awaited
        (self._awaiting.add if awaited else self._awaiting.discard)(performance)
        self._waiting[performance] = monotonic()
        self._performers.perform(performance, awaited=awaited)

    def _release(self, performance: Performance) -> None:
        self._held.discard(performance)
        self._awaiting.discard(performance)
        if self._pace.wants_hands or self._is_stopping():
            self._freed()

    def _announce(self, store: Store, performances: list[Performance], freed: dict[JourneyId, Row]) -> None:
        """What was handed back is ready for others, under a new fence."""
        rows = [(performance.journey, freed[performance.id]) for performance in performances if performance.id in freed]
        self._motor.announce(store, [ready_of(journey, row) for journey, row in rows if row.state is State.READY])

    def _hand_back(self, store: Store, performances: list[Performance]) -> None:
        holdings = [performance.holding for performance in performances]
        freed: dict[JourneyId, Row] = {}
        try:
            freed |= store.hand_back(holdings, self._name)
            until = monotonic() + PATIENCE
            # Each in a transaction of its own: none that holds rows waits for others.
            for holding in [holding for holding in holdings if holding.id not in freed]:
                freed |= store.hand_back([holding], self._name, patience=max(until - monotonic(), 0.0))
            self._announce(store, performances, freed)
        except Exception as error:
            self.trouble(f"{len(holdings) - len(freed)} claims could not be handed back: left to their leases", error)
        for performance in performances:
            performance.given_back = freed.get(performance.id)
            self._release(performance)
            if performance.given_back and performance.given_back.state is not State.READY:
                self._performers.call(partial(self._motor.gave_back, performance), awaited=True)
