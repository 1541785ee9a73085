"""A journey as the memory home keeps it: values alone, so that nobody changes what others have read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from stepper_motor.journeys.row import Entry, Row, State

Place = tuple[str, str, str, str]
"""(type, hero type, hero id, key): what only one ongoing journey may have."""


class StoredJourney(NamedTuple):
    """One row of the table. Writing puts another one in its place."""

    id: int
    type: str
    hero_type: str | None
    hero_id: str | None
    key: str
    allow_multiple: bool
    created_at: datetime
    row: Row
    data: str
    """JSON, as a database would keep it: objects that share it can't change it."""
    own: Mapping[str, Any]
    """The class's own columns."""

    @property
    def place(self) -> Place | None:
        """The place it takes; None: it has ended, has no hero, or leaves the one-per-hero rule."""
        if self.hero_type is None or self.hero_id is None or self.allow_multiple or not self.row.state.ongoing:
            return None
        return self.type, self.hero_type, self.hero_id, self.key

    def checked(self) -> StoredJourney:
        """Itself, if it is what the constraints of a database would let pass.

        Raises:
            ValueError: it is not.
        """
        row = self.row
        if row.state is State.READY and row.next_step_to_be_performed_at is None:
            raise ValueError(f"journey {self.id} is ready and has no due time")
        if (row.performed_by is None) != (row.lease_expires_at is None):
            raise ValueError(f"journey {self.id} is held without a lease, or has a lease and is not held")
        if not row.fence:
            raise ValueError(f"journey {self.id} has no fence")
        return self


class MemoryEntry(Entry):
    """A line of the history, with the names that its column has in a database."""

    @property
    def performed_by(self) -> str | None:
        """The worker that performed, or the person or process that intervened."""
        return self.by
