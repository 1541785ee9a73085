"""One verb on many journeys: in batches, each decided under its lock, a commit for each batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from stepper_motor.django.lookups import among
from stepper_motor.journeys.durations import duration
from stepper_motor.motor.bulk import added_up, share_of_spread, stands_at
from stepper_motor.motor.verbs import BulkResult

Progress = Callable[[BulkResult], object]


def intervene(
    queryset: Any,
    verb: str,
    progress: Progress | None,
    *,
    at_step: str | None = None,
    spread: timedelta | float | None = None,
    **told: Any,
) -> BulkResult:
    """Call the verb on every journey of the queryset.

    Args:
        at_step: pass over those that, when their turn comes, stand at another step than this one of their class.
        spread: lay the due times evenly apart over this time (seconds or a timedelta).
        told: the arguments of the verb.
    """
    from stepper_motor.django.engine import motor

    queryset.model._check_when(told.get("wait"), told.get("at"))
    over = None if spread is None else duration(spread)
    queryset._for_write = True
    keys = _keys(queryset)
    total = BulkResult(0, 0, 0)
    for start, batch in _batches(keys, motor().settings.batch):
        places = {key: (start + n) / len(keys) for n, key in enumerate(batch)}
        journeys = _load(queryset, batch)
        meant = [journey for journey in journeys if at_step is None or stands_at(journey, at_step)]
        arguments = [share_of_spread(verb, journey, told, over and over * places[journey.pk]) for journey in meant]
        done = motor().intervene_in_bulk(verb, meant, arguments)
        moved_on, gone = len(journeys) - len(meant), len(batch) - len(journeys)
        total = added_up(total, done, BulkResult(0, moved_on, gone))
        if progress:
            progress(total)
    return total


def _keys(queryset: Any) -> list[Any]:
    query = queryset.query
    in_given_order = query.is_sliced or query.combinator or query.distinct_fields
    chosen = queryset if in_given_order else queryset.order_by("pk")
    return list(dict.fromkeys(chosen.values_list("pk", flat=True)))


def _batches(keys: list[Any], size: int) -> Iterator[tuple[int, list[Any]]]:
    return ((start, keys[start : start + size]) for start in range(0, len(keys), size))


def _load(queryset: Any, batch: list[Any]) -> list[Any]:
    """The journeys of the batch that still exist, in its order."""
    manager = queryset.model._base_manager.using(queryset.db)
    found = {journey.pk: journey for journey in manager.filter(among(batch))}
    return [found[key] for key in batch if key in found]
