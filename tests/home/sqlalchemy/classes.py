"""Journey classes that go with their test."""

from __future__ import annotations

from typing import Any

from tests.home.sqlalchemy.models import Journey, PaymentJourney


def forget_journeys_of_a_test() -> None:
    """Classes that a test defines for itself go with it: their names may come again."""
    for root in (Journey._root, PaymentJourney._root):
        for cls in list(root.journeys):
            if "<locals>" in cls.__qualname__:
                forget(cls)


def forget(cls: Any) -> None:
    """The class goes, and its type is not known any more."""
    cls._root.journeys.remove(cls)
    cls._root.mapper.polymorphic_map.pop(cls.__mapper__.polymorphic_identity, None)
