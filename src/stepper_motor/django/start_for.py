"""Starting one journey for each of many heroes, in batches, with a few statements each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, models, router, transaction
from django.db.models.query import ModelIterable

from stepper_motor.django import heroes
from stepper_motor.django.starting import depart
from stepper_motor.journeys.row import ONGOING
from stepper_motor.motor.mass_start import MassStart, Unless
from stepper_motor.motor.motor import ready_of
from stepper_motor.motor.ports import Ready
from stepper_motor.motor.settling import retrying

if TYPE_CHECKING:
    from stepper_motor.django.store import DjangoStore


def start_for(
    cls: Any,
    queryset: models.QuerySet[Any],
    *,
    unless: Unless = "ongoing",
    key: str = "",
    data: Any = None,
    at: datetime | None = None,
    spread: timedelta | float | None = None,
    batch: int = 1000,
    progress: Callable[[int], object] | None = None,
    **fields: Any,
) -> int:
    """Start one journey for each hero of `queryset` that has none.

    In batches, with a few statements each and a commit each, unless the caller holds a transaction. Journeys that
    others start meanwhile are passed over.

    Args:
        unless: "ongoing": heroes that are on such a journey are passed over; "ever": those that ever were, so that
            running it again after a crash reaches everybody once.
        at: when the first steps are due (aware), instead of what their definition says.
        spread: lay the due times of the first steps evenly apart over this time (seconds or a timedelta); the heroes
            are then counted before the first journey starts.
        batch: heroes in one batch.
        progress: called after each batch with the number of journeys started so far.

    Returns:
        How many journeys were started.

    Raises:
        ValueError: an impossible argument; nothing was started. What a wait of the first step raises goes through:
            the batches before have started.
    """
    found = _checked(queryset)
    starts = _Starts(cls, unless=unless, key=key, data=data, at=at, spread=spread, batch=batch, fields=fields)
    return starts.run(partial(_pages, found, batch), progress)


def _checked(queryset: Any) -> models.QuerySet[Any]:
    if isinstance(queryset, models.Manager):
        queryset = queryset.all()
    if not isinstance(queryset, models.QuerySet) or queryset._iterable_class is not ModelIterable:
        raise ValueError(f"start_for() takes a queryset of heroes, got {queryset!r}")
    return queryset


def _pages(queryset: models.QuerySet[Any], size: int) -> Iterator[list[Any]]:
    """The heroes, each once, in batches by primary key: no cursor stays open, each batch sees what is there then."""
    query = queryset.query
    if query.is_sliced or query.distinct_fields or query.combinator or hasattr(queryset.model._meta.pk, "fields"):
        listed = _each_once(queryset)  # such a query can't be continued after a key
        yield from (listed[n : n + size] for n in range(0, len(listed), size))
        return
    ordered = (queryset if query.standard_ordering else queryset.reverse()).order_by("pk")
    page = list(ordered[:size])
    while page:
        yield _each_once(page)
        page = list(ordered.filter(pk__gt=page[-1].pk)[:size])


def _each_once(found: Any) -> list[Any]:
    """A join may give a hero several times."""
    return list({hero.pk: hero for hero in found}.values())


class _Starts(MassStart):
    @property
    def using(self) -> str:
        return router.db_for_write(self.cls)

    def missing(self, page: Sequence[Any]) -> list[Any]:
        """The heroes that have no journey yet."""
        found = self._journeys_of(page).filter(type=self.cls.definition.type_name, key=self.key)
        if self.unless == "ongoing":
            found = found.filter(state__in=sorted(ONGOING))
        taken = {str(hero_id) for hero_id in found.values_list("hero_id", flat=True)}
        return [hero for hero in page if heroes.key_of(hero) not in taken]

    def depart(self, journey: Any, hero: Any) -> None:
        depart(journey)

    def insert(self, journeys: list[Any]) -> None:
        retrying(self._store, partial(self._insert, journeys))

    def _insert(self, journeys: list[Any]) -> None:
        with transaction.atomic(using=self.using):
            models.QuerySet.bulk_create(self.cls._base_manager.using(self.using), journeys)
            self._announce(journeys)

    def is_conflict(self, error: Exception) -> bool:
        return isinstance(error, IntegrityError) and self._store.django.is_conflict(error)

    def _journeys_of(self, page: Sequence[Any]) -> models.QuerySet[Any]:
        journeys: models.QuerySet[Any] = self.cls._base_manager.using(self.using)
        if self.cls._has_hero_column():
            return journeys.filter(hero__in=[hero.pk for hero in page])
        types = {heroes.type_of(type(hero)) for hero in page}
        return journeys.filter(hero_type__in=types, hero_id__in=[heroes.key_of(hero) for hero in page])

    def _announce(self, journeys: list[Any]) -> None:
        from stepper_motor.django.engine import motor

        ready = [ready_of(each) for each in journeys if each.next_step_to_be_performed_at]
        motor().announce(self._store, self._with_ids(ready) if motor().scheduler else ready)

    def _with_ids(self, ready: list[Ready]) -> list[Ready]:
        """A database that does not return what it inserts has numbered them all the same; a ticket needs to know."""
        if all(each.id is not None for each in ready):
            return ready
        rows = self.cls._base_manager.using(self.using).filter(fence__in=[each.fence for each in ready])
        ids = dict(rows.values_list("fence", "pk"))
        return [each._replace(id=ids[each.fence]) for each in ready]

    @property
    def _store(self) -> DjangoStore:
        from stepper_motor.django.engine import store_of

        return store_of(self.cls, self.using)
