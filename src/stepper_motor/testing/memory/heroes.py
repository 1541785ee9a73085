"""The heroes of journeys in memory: any Python objects, held by reference."""

from __future__ import annotations

from itertools import count
from typing import Any

PLAIN = (str, int)
"""Heroes that are their own id."""


class Heroes:
    """Finds a hero by what a row remembers of it."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], Any] = {}
        self._numbers: dict[int, tuple[int, Any]] = {}
        """By identity: the number of a hero without an id, and the hero, so that no other object gets its identity."""
        self._next = count(1)

    def hold(self, hero: Any) -> tuple[str, str]:
        """Its type and id: its own `id` attribute if it has one, itself if it is a text or a number, else a number."""
        key = type(hero).__name__, str(self._id_of(hero))
        self._held[key] = hero
        return key

    def find(self, hero_type: str | None, hero_id: str | None) -> Any:
        """The hero; None if there is none, or if it was let go."""
        return None if hero_type is None or hero_id is None else self._held.get((hero_type, hero_id))

    def let_go(self, hero: Any) -> None:
        """What the deletion of its record is in a database: its journeys find it gone."""
        self._held.pop((type(hero).__name__, str(self._id_of(hero))), None)

    def _id_of(self, hero: Any) -> Any:
        own = hero if isinstance(hero, PLAIN) else getattr(hero, "id", None)
        if own is not None:
            return own
        if id(hero) not in self._numbers:
            self._numbers[id(hero)] = next(self._next), hero
        return self._numbers[id(hero)][0]
