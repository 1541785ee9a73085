"""How a worker takes due rows from a table, and when it looks at it again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any

from stepper_motor.journeys.row import Row
from stepper_motor.motor import clock
from stepper_motor.motor.loading import each_loaded, pause_unreadable
from stepper_motor.motor.performance import Performance
from stepper_motor.motor.ports import Claim, JourneyId, Kind, Store
from stepper_motor.motor.settings import Settings

WHOLE_LOOK = 10.0
"""Seconds after which an idle worker claims without having seen anything due: rows of steps that nobody knows."""
BUSY = 0.002
"""Seconds until a database that was busy is asked again."""


@dataclass(slots=True)
class _Front:
    """Where the last batch of a table began, and since when no claim has looked before it."""

    due: datetime
    since: float


class Claimer:
    """Takes due rows from one table for one worker. What goes wrong with it is said, and concerns no other table."""

    def __init__(
        self,
        store: Store,
        name: str,
        settings: Settings,
        *,
        is_stopping: Callable[[], bool],
        knows: Callable[[Store, JourneyId], bool],
        trouble: Callable[[str, BaseException], None],
    ) -> None:
        self.store = store
        self._name = name
        self._settings = settings
        self._is_stopping = is_stopping
        self._knows = knows
        self._trouble = trouble
        self._front: _Front | None = None
        self._looked_at = 0.0
        self._unanswered_since: float | None = None
        """When a claim was sent whose answer was never seen: it may have been written."""
        self._again_at = self._wait = 0.0

    @property
    def is_troubled(self) -> bool:
        """Whether the table could not be asked, and is left alone for a while."""
        return monotonic() < self._again_at

    def claim(self, kind: Kind, room: int) -> list[Performance]:
        """Claim at most `room` due rows."""
        try:
            claimed = self._found_again() or self._claim(kind, room)
        except Exception as error:
            self._stumbled(error)
            return []
        self._wait = 0.0
        return claimed

    def until_due(self) -> float:
        """Real seconds until there is something to claim, at most the poll interval. One statement."""
        if self.is_troubled:
            return self._again_at - monotonic()
        if self._unanswered_since is not None or monotonic() - self._looked_at > WHOLE_LOOK:
            return 0.0
        try:
            self.store.retire()
            found = self.store.next_due()
        except Exception as error:
            return self._stumbled(error)
        soonest = self._settings.poll_interval.total_seconds()
        if found is None:
            return soonest
        due, now = found
        return min(soonest, max((due - now).total_seconds() / clock.installed().speed, 0.0))

    def _stumbled(self, error: Exception) -> float:
        """A busy database is asked again at once; one that is gone, after a while. Returns the seconds to wait."""
        wait = BUSY
        if not self.store.is_transient(error):
            wait = self._wait = min(max(self._wait * 2, 0.1), 1.0)
            self._trouble(f"could not look for due journeys, again in {wait:g} s", error)
        self._again_at = monotonic() + wait
        return wait

    def _claim(self, kind: Kind, room: int) -> list[Performance]:
        self._unanswered_since = self._looked_at = sent_at = monotonic()
        claims = self.store.claim_due(room, self._name, self._not_before(kind), kind)
        if kind != "async":
            self._remember_front(claims, sent_at)
        claimed = self._performances(claims, sent_at)
        self._unanswered_since = None
        return claimed

    def _found_again(self) -> list[Performance]:
        """The rows of a claim that was written although its answer was lost."""
        if self._unanswered_since is None:
            return []
        claims = [c for c in self.store.claimed_by(self._name) if not self._knows(self.store, c.id)]
        found = self._performances(claims, self._unanswered_since)
        self._unanswered_since = None
        return found

    def _performances(self, claims: list[Claim], sent_at: float) -> list[Performance]:
        journeys = each_loaded(self.store, self.store.load, [c.id for c in claims], self._unreadable) if claims else {}
        made = [self._performance(journeys[c.id], c, sent_at) for c in claims if c.id in journeys]
        return [performance for performance in made if performance and performance.row.performed_by == self._name]

    def _performance(self, journey: Any, claim: Claim, sent_at: float) -> Performance | None:
        try:
            performance = Performance(
                journey, self.store, self._name, self._settings, claimed_now=claim.now, is_stopping=self._is_stopping
            )
        except Exception as error:
            self._unreadable(claim.id, error)
            return None
        performance.lease_ends_at -= monotonic() - sent_at  # a lease counts from before the claim was sent
        return performance

    def _unreadable(self, id: JourneyId, error: Exception) -> None:
        self._trouble(f"journey {id} can't be read: it is paused", error)
        held: Callable[[Row, datetime], bool] = lambda row, _: row.performed_by == self._name  # noqa: E731
        pause_unreadable(self.store, id, error, held, self._settings.traceback_limit)

    def _not_before(self, kind: Kind) -> datetime | None:
        """While rows keep coming, begin where the last batch began: what lies before it is dead, or not for us.

        At least once a second the whole index is looked at, so that a row that was put back in front is found.
        """
        front = self._front
        if front is None or kind == "async" or monotonic() - front.since > 1.0:
            self._front = None
            return None
        return front.due

    def _remember_front(self, claims: list[Claim], sent_at: float) -> None:
        before = self._front
        self._front = _Front(claims[0].due, before.since if before else sent_at) if claims else None
