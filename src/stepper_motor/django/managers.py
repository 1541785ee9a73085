"""The queries and bulk verbs of journeys."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Self, TypeVar, cast

from django.db import models

from stepper_motor.django import heroes
from stepper_motor.django.bulk import Progress, intervene
from stepper_motor.django.twins import asynchronous
from stepper_motor.journeys.durations import given_time
from stepper_motor.journeys.errors import StepperMotorError
from stepper_motor.journeys.policies import Reattempt
from stepper_motor.journeys.row import ONGOING, State
from stepper_motor.motor import clock
from stepper_motor.motor.verbs import BulkResult

JourneyT = TypeVar("JourneyT", bound=models.Model, covariant=True)


class JourneyQuerySet(models.QuerySet[JourneyT]):
    """Journeys: where they stand, whose they are, and what to do with all of them."""

    def ready(self) -> Self:
        return self.filter(state=State.READY)

    def performing(self) -> Self:
        return self.filter(state=State.PERFORMING)

    def paused(self) -> Self:
        return self.filter(state=State.PAUSED)

    def canceled(self) -> Self:
        return self.filter(state=State.CANCELED)

    def finished(self) -> Self:
        return self.filter(state=State.FINISHED)

    def ongoing(self) -> Self:
        """Ready, performing or paused: those that take their hero's place."""
        return self.filter(state__in=sorted(ONGOING))

    def for_hero(self, hero: models.Model | None) -> Self:
        """All journeys of this hero; with None, those without one."""
        if self.model._has_hero_column():  # type: ignore[attr-defined]
            return self.filter(hero=hero)
        if hero is None:
            return self.filter(hero_id__isnull=True)
        return self.filter(hero_type=heroes.type_of(type(hero)), hero_id=heroes.key_of(hero))

    def due(self, at: datetime | None = None) -> Self:
        """Ready, and due at this time (aware; now by default)."""
        moment = clock.now() if at is None else given_time(at)
        return self.filter(state=State.READY, next_step_to_be_performed_at__lte=moment)

    def lost(self) -> Self:
        """Held by a performer whose lease is over; recovery takes them within seconds."""
        return self.filter(performed_by__isnull=False, lease_expires_at__lte=clock.now())

    # -------------------------------------------------------------------------------------------- bulk verbs

    def pause(self, reason: str | None = None, *, by: object = None, progress: Progress | None = None) -> BulkResult:
        """Pause all of them, in batches with a commit each (unless the caller holds a transaction)."""
        return self._all("pause", progress, by=by, reason=reason)

    def cancel(self, reason: str | None = None, *, by: object = None, progress: Progress | None = None) -> BulkResult:
        """Cancel all of them."""
        return self._all("cancel", progress, by=by, reason=reason)

    def resume(
        self,
        *,
        spread: timedelta | float | None = None,
        by: object = None,
        reason: str | None = None,
        progress: Progress | None = None,
    ) -> BulkResult:
        """Resume all of them; `spread` lays the due times of those that are overdue evenly apart over this time."""
        return self._all("resume", progress, by=by, reason=reason, spread=spread)

    def skip(
        self, *, step: str, by: object = None, reason: str | None = None, progress: Progress | None = None
    ) -> BulkResult:
        """Skip this step of all those that stand at it."""
        self._check_step(step)
        return self._all("skip", progress, at_step=step, by=by, reason=reason)

    def reattempt(
        self,
        wait: timedelta | int | float | Reattempt | None = None,
        *,
        at: datetime | None = None,
        spread: timedelta | float | None = None,
        by: object = None,
        reason: str | None = None,
        progress: Progress | None = None,
    ) -> BulkResult:
        """Reattempt the next step of all of them; `spread` lays the due times evenly apart."""
        return self._all("reattempt", progress, wait=wait, at=at, by=by, reason=reason, spread=spread)

    def reschedule(
        self, at: datetime | None = None, *, by: object = None, reason: str | None = None,
        progress: Progress | None = None,
    ) -> BulkResult:  # fmt: skip
        """Set the due time of all of them, or work it out anew from today's definition."""
        return self._all("reschedule", progress, at=at, by=by, reason=reason)

    def jump_to(
        self,
        step: str | None = None,
        wait: timedelta | int | float | Reattempt | None = None,
        *,
        at: datetime | None = None,
        by: object = None,
        reason: str | None = None,
        progress: Progress | None = None,
    ) -> BulkResult:
        """Send all of them to a step (a ValueError if no class of theirs has it)."""
        if step is not None:
            self._check_step(step)
        return self._all("jump_to", progress, step=step, wait=wait, at=at, by=by, reason=reason)

    def finish(self, *, by: object = None, reason: str | None = None, progress: Progress | None = None) -> BulkResult:
        """Finish all of them."""
        return self._all("finish", progress, by=by, reason=reason)

    apause = asynchronous(pause)
    acancel = asynchronous(cancel)
    aresume = asynchronous(resume)
    askip = asynchronous(skip)
    areattempt = asynchronous(reattempt)
    areschedule = asynchronous(reschedule)
    ajump_to = asynchronous(jump_to)
    afinish = asynchronous(finish)

    def _all(self, verb: str, progress: Progress | None, **told: Any) -> BulkResult:
        return intervene(self._chain(), verb, progress, **told)  # type: ignore[attr-defined]

    def _check_step(self, step: str) -> None:
        """Whether one of the classes that are meant has such a step, by its name of today or a former one.

        Raises:
            ValueError: none has.
        """
        registry = self.model.registry  # type: ignore[attr-defined]
        if not any(cls.steps.find(step) for cls in registry if issubclass(cls, self.model)):
            raise ValueError(f"no {self.model.__name__} that this code knows has a step {step!r}")

    # ------------------------------------------------------------------------------------------ as Django has it

    def only(self, *fields: Any) -> Self:
        """As Django's; `type` is read along, since it says of which class a journey is."""
        return super().only(*fields, "type")

    def defer(self, *fields: Any) -> Self:
        """As Django's; `type` is read all the same."""
        return super().defer(*(field for field in fields if field != "type"))

    def update(self, **kwargs: Any) -> int:
        """Update columns of your own.

        Raises:
            StepperMotorError: for a column of the engine's: use the bulk verbs.
        """
        self._refuse_engine_columns(kwargs)
        return super().update(**kwargs)

    def _refuse_engine_columns(self, names: Iterable[str]) -> None:
        own = {name for field in self.model._own_fields for name in (field.name, field.attname)}  # type: ignore[attr-defined]
        engines = [name for name in names if name not in own]
        if engines:
            raise StepperMotorError(
                f"{', '.join(engines)}: the engine's columns can't be updated; use the bulk verbs (pause, cancel ...)"
            )

    def bulk_create(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> list[Any]:
        """Insert many new journeys; each departs as `save()` would have it."""
        from stepper_motor.django.starting import depart_all, inserted

        journeys = list(objs)
        self._refuse_engine_columns(kwargs.get("update_fields") or ())
        depart_all(journeys)
        self._for_write = True
        insert = partial(super().bulk_create, journeys, *args, **kwargs)
        return cast("list[Any]", inserted(journeys, insert, self.db))


class JourneyManager(models.Manager.from_queryset(JourneyQuerySet)):  # type: ignore[misc]
    """Journeys of the class it is asked on, and of those derived from it; on a root, all of its table."""

    def get_queryset(self) -> JourneyQuerySet[Any]:
        queryset = cast("JourneyQuerySet[Any]", super().get_queryset())
        model: Any = self.model
        if not model._meta.proxy:
            return queryset
        types = [cls.definition.type_name for cls in model.registry if issubclass(cls, model)]
        return queryset.filter(type__in=types)
