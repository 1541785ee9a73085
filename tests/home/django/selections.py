"""Selections: journeys and records by what their columns say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stepper_motor.django import Journey


def these(model: Any, **columns: Any) -> Any:
    """A selection: the journeys or records of this class with these columns."""
    return model.objects.filter(**columns)


def among(model: Any, records: Sequence[Any], *, inside: Any = None) -> Any:
    """The selection of these records."""
    return model.objects.filter(pk__in=[record.pk for record in records])


def none_of(model: Any) -> Any:
    """A selection of nothing."""
    return model.objects.none()


def joined(model: Any) -> Any:
    """Journeys joined with what happened to them, payments with their journeys: each comes as often as there are."""
    return model.objects.filter(
        **({"history__isnull": False} if issubclass(model, Journey) else {"journeys__isnull": False})
    )


def only(model: Any, *, inside: Any = None) -> Any:
    """A fresh object of the one there is."""
    return model.objects.get()


def count(model: Any, **columns: Any) -> int:
    return these(model, **columns).count()


async def acount(model: Any, *, inside: Any = None) -> int:
    return await model.objects.acount()


def heroes_on(cls: Any, model: Any) -> Any:
    """The selection of the heroes that are on such a journey."""
    return model.objects.filter(cls.presence(model))


def heroes_off(cls: Any, model: Any) -> Any:
    return model.objects.filter(~cls.presence(model))
