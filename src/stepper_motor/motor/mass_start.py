"""Starting one journey for each of many heroes, in batches: what every home has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from stepper_motor.journeys.durations import duration

Unless = Literal["ongoing", "ever"]


class MassStart(ABC):
    """One `start_for`. A home says who has a journey already, and how journeys are made and written."""

    def __init__(
        self, cls: Any, *, unless: Unless, key: str, data: Any, at: datetime | None,
        spread: timedelta | float | None, batch: int, fields: dict[str, Any],
    ) -> None:  # fmt: skip
        """
        Raises:
            ValueError: an impossible argument.
        """
        if unless not in get_args(Unless):
            raise ValueError(f"unless must be one of {', '.join(get_args(Unless))}, got {unless!r}")
        if batch < 1:
            raise ValueError(f"batch must be at least 1, got {batch!r}")
        self.cls, self.unless, self.key, self.at, self.batch = cls, unless, key, at, batch
        self.given = {"key": key, **fields, **({} if data is None else {"data": data})}
        self.over = None if spread is None else duration(spread)
        self.apart: timedelta | None = None
        """How long after the hero before it each hero's first step is due."""
        self.count = 0
        """Journeys started so far."""

    def run(
        self, pages: Callable[[], Iterable[Sequence[Any]]], progress: Callable[[int], object] | None,
        committed: Callable[[], object] = lambda: None,
    ) -> int:  # fmt: skip
        """Start them all.

        Args:
            pages: gives the heroes, in batches, from the first one on.
            committed: called after each batch.

        Returns:
            How many journeys were started.
        """
        if self.over is not None:
            self.apart = self.over / max(sum(len(self.missing(page)) for page in pages()), 1)
        for page in pages():
            self.start(page)
            committed()
            if progress:
                progress(self.count)
        return self.count

    def start(self, page: Sequence[Any]) -> None:
        """Those that others start at the same moment keep none of the rest: look again, and halve, down to such a one.

        (An INSERT that ignores conflicts would ignore all else that is wrong on MySQL and SQLite.)
        """
        missing = self.missing(page)
        journeys = [self._departed(hero, self.count + place) for place, hero in enumerate(missing)]
        try:
            if journeys:
                self.insert(journeys)
            self.count += len(journeys)
        except Exception as error:
            if not self.is_conflict(error):
                raise
            middle = len(missing) // 2
            if middle:
                self.start(missing[:middle])
                self.start(missing[middle:])

    def _departed(self, hero: Any, place: int) -> Any:
        journey = self.cls(hero=hero, **self.given)
        journey._first_at = self.at
        self.depart(journey, hero)
        if self.apart and journey.next_step_to_be_performed_at:
            journey.next_step_to_be_performed_at += self.apart * place
        return journey

    # ------------------------------------------------------------------------- what the home has to provide

    @abstractmethod
    def missing(self, page: Sequence[Any]) -> list[Any]:
        """The heroes that have no journey yet."""

    @abstractmethod
    def depart(self, journey: Any, hero: Any) -> None:
        """Give a journey that is about to be inserted its engine's columns."""

    @abstractmethod
    def insert(self, journeys: list[Any]) -> None:
        """Write them, all or none, and announce them."""

    @abstractmethod
    def is_conflict(self, error: Exception) -> bool:
        """Whether one of them has a hero that is on such a journey by now."""
