"""How much a worker takes on: for its free threads a little ahead, for its event loop up to a limit."""

from __future__ import annotations

from collections.abc import Iterator

from stepper_motor.motor.ports import Kind, Store
from stepper_motor.motor.settings import Settings

A_FEW = 2
"""Rows claimed beyond the free threads, so that none of them waits for the next claim."""
AHEAD = 0.25
"""Seconds of work that may be claimed ahead, where steps are short."""
TOO_LONG = 1.0
"""Seconds that a claimed row may wait for a thread before it is handed back, for others to perform."""


class Pace:
    """Learns how long steps take, and says how many rows may be claimed."""

    def __init__(self, settings: Settings, concurrency: int, async_concurrency: int) -> None:
        self.concurrency = concurrency
        self.async_concurrency = async_concurrency
        self.wants_hands = False
        """Whether there may be more to claim as soon as a performance ends."""
        self._batch = settings.batch
        self._step_seconds = AHEAD

    def took(self, seconds: float) -> None:
        """A thread was busy with a step this long."""
        self._step_seconds += (seconds - self._step_seconds) * 0.05

    def is_too_much(self, longest_wait: float) -> bool:
        """Whether what waits for threads has waited so long (in seconds) that others should have it."""
        too_much = longest_wait > TOO_LONG
        if too_much:
            self._step_seconds = max(self._step_seconds, TOO_LONG)
        return too_much

    def rooms(self, store: Store, in_threads: int, awaited: int) -> Iterator[tuple[Kind, int]]:
        """How many rows of which kind may be claimed now."""
        ahead = int(self.concurrency * AHEAD / max(self._step_seconds, 1e-6))
        few = A_FEW if self._step_seconds < TOO_LONG / 2 else 0
        most = min(max(self.concurrency + few, ahead), 2 * self._batch)
        for_threads = min(most - in_threads, self._batch)
        for_loop = min(self.async_concurrency - awaited, self._batch)
        both = store.registry.has_async_steps
        self.wants_hands = self.wants_hands or for_threads <= 0 or (both and for_loop <= 0)
        if both and for_loop > 0:
            yield "async", for_loop
        if for_threads > 0:
            yield "sync" if both else "any", for_threads
