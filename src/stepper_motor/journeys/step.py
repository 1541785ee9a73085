"""Step: one named unit of work of a journey class, and when it is due."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from stepper_motor.journeys.condition import Condition
from stepper_motor.journeys.durations import ZERO, Wait, duration, moment
from stepper_motor.journeys.policies import Policy


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Step:
    """One named unit of work of a journey class."""

    name: str
    """What is stored in the row."""
    attribute: str | None
    """The attribute of the class that holds the body; None for a step that came in a list."""
    body: Callable[[Any], Any]
    """Takes the journey. Call it by `call()`, which respects what a subclass or a test put in its place."""
    is_async: bool
    """Whether the body is an `async def`. A body that isn't may give an awaitable all the same."""
    wait: Wait | None = None
    after: Wait | None = None
    at: Callable[[Any], datetime] | None = None
    skip_if: Condition | None = None
    only_if: Condition | None = None
    on_exception: Policy | None = None
    """None: what the class says."""
    if_lost: str | None = None
    """None: what the class says."""
    timeout: timedelta | None = None
    atomic: bool = False
    queue_options: Mapping[str, Any] = field(default_factory=dict)
    """Handed to the job queue with the step's ticket, over those of the class."""
    formerly: tuple[str, ...] = ()
    """The names it had, the oldest first."""

    def __str__(self) -> str:
        return self.name

    @property
    def is_awaited(self) -> bool:
        """Whether a worker awaits it on its event loop. An atomic body keeps one thread, and its connection."""
        return self.is_async and not self.atomic

    @property
    def first_name(self) -> str:
        """The oldest name: what idempotency keys are made from."""
        return self.formerly[0] if self.formerly else self.name

    @property
    def plain_wait(self) -> timedelta | None:
        """The fixed time from the end of the step before it; None if only the journey or the clock can tell."""
        if self.at is not None or self.after is not None or callable(self.wait):
            return None
        return self.wait or ZERO

    def call(self, journey: Any) -> Any:
        """Runs the body and gives what it returns: for an async one, a coroutine."""
        return self.body(journey) if self.attribute is None else getattr(journey, self.attribute)()

    def own_wait(self, journey: Any) -> timedelta:
        """What `reattempt()` waits when it is not told how long: the step's `wait`; `after` and `at` count as 0.

        Raises:
            TypeError, ValueError: a callable gave no duration, or a negative one. What it raises goes through, too.
        """
        return self._length("wait", self.wait, journey)

    def due(self, journey: Any, *, t0: datetime, since: datetime, now: datetime) -> datetime:
        """When the step is to be performed.

        Args:
            t0: when the journey was created; `after` counts from it.
            since: when the step before it ended, or t0; `wait` counts from it.
            now: the earliest that `after` and `at` can give.

        Returns:
            An aware time in UTC. That of a `wait` may have passed.

        Raises:
            TypeError, ValueError: a callable gave no duration or time, a negative or a naive one, or one out of range.
        """
        try:
            return self._due(journey, t0, since, now)
        except OverflowError:
            raise ValueError(f"step {self.name!r} would be due after the year 9999") from None

    def _due(self, journey: Any, t0: datetime, since: datetime, now: datetime) -> datetime:
        if self.at is not None:
            return max(self._moment(self.at(journey)), now)
        if self.after is not None:
            return max(t0 + self._length("after", self.after, journey), now)
        return since + self.own_wait(journey)

    def _length(self, option: str, given: Wait | None, journey: Any) -> timedelta:
        value = given(journey) if callable(given) else given or ZERO
        try:
            return duration(value)
        except (TypeError, ValueError) as error:
            raise type(error)(f"step {self.name!r}: {option}: {error}") from None

    def _moment(self, value: object) -> datetime:
        try:
            return moment(value)
        except (TypeError, ValueError) as error:
            raise type(error)(f"step {self.name!r}: at: {error}") from None
