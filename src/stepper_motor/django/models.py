"""The journey as a Django model."""

from __future__ import annotations

import builtins
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, cast, overload

from asgiref.sync import sync_to_async
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured, ObjectDoesNotExist
from django.db import models, router
from django.utils.translation import gettext_lazy as _

from stepper_motor.django import heroes, starting
from stepper_motor.django.answers import Answers, attnames
from stepper_motor.django.fields import NameField
from stepper_motor.django.managers import JourneyManager, JourneyQuerySet
from stepper_motor.django.start_for import start_for
from stepper_motor.django.tables import ENGINE_CONSTRAINTS
from stepper_motor.django.twins import asynchronous, asynchronous_verb
from stepper_motor.journeys.errors import InvalidState, StepperMotorError
from stepper_motor.journeys.journey import HeroT, JourneyBase

VERBS_FOR = {
    "state": "pause(), resume(), cancel() or finish()",
    "next_step_name": "jump_to() or skip()",
    "previous_step_name": "jump_to() or skip()",
    "next_step_to_be_performed_at": "reschedule() or reattempt()",
    "ended_at": "cancel() or finish()",
}
"""What to use instead of setting a column of the engine's by hand."""


class AbstractJourney(Answers[HeroT]):
    """Base of a journey with a table of its own: columns of yours, and `hero` a real foreign key if you declare it."""

    if TYPE_CHECKING:
        objects: ClassVar[JourneyQuerySet[Self]]  # type: ignore[misc]
    else:
        objects = JourneyManager()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.type or type(self).__name__} {self.pk} ({self.state})"

    # --------------------------------------------------------------------------------------------- starting

    @classmethod
    @overload
    def start(
        cls, hero: HeroT | None = None, *, data: Any = None, key: str = "", at: datetime | None = None,
        allow_multiple: bool = False, on_conflict: Literal["raise", "existing", "replace"] = "raise", **fields: Any,
    ) -> Self: ...  # fmt: skip
    @classmethod
    @overload
    def start(
        cls, hero: HeroT | None = None, *, on_conflict: Literal["ignore"], data: Any = None, key: str = "",
        at: datetime | None = None, allow_multiple: bool = False, **fields: Any,
    ) -> Self | None: ...  # fmt: skip
    @classmethod
    def start(cls, hero: HeroT | None = None, **options: Any) -> Self | None:
        """Start a journey for `hero`, in the caller's transaction: see `stepper_motor.django.starting.start`."""
        return cast("Self | None", starting.start(cls, cast("models.Model | None", hero), **options))

    @classmethod
    async def astart(cls, hero: HeroT | None = None, **options: Any) -> Self | None:
        """Same as `start`, except that it is awaited."""
        return await sync_to_async(cls.start)(hero, **options)

    @classmethod
    def start_for(cls, queryset: models.QuerySet[Any], **options: Any) -> int:
        """Start one journey for each hero that has none: see `stepper_motor.django.start_for.start_for`."""
        return start_for(cls, queryset, **options)

    @classmethod
    async def astart_for(cls, queryset: models.QuerySet[Any], **options: Any) -> int:
        """Same as `start_for`, except that it is awaited."""
        return await sync_to_async(cls.start_for)(queryset, **options)

    @classmethod
    def presence(cls, model: builtins.type[models.Model]) -> models.Exists:
        """EXISTS for the heroes that are on such a journey now: `User.objects.filter(~Signup.presence(User))`."""
        return starting.presence(cls, model)

    # ------------------------------------------------------------------------------------------------- hero

    @property
    def hero(self) -> HeroT:
        """The record the journey happens to; None when there is none, or its record is gone."""
        if not self._hero_read:
            self._hero = self._fetch_hero()
            self._hero_read = True
        return cast("HeroT", self._hero)

    @hero.setter
    def hero(self, hero: HeroT | None) -> None:
        record = cast("models.Model | None", hero)
        self.hero_type = None if record is None else heroes.type_of(type(record))
        self.hero_id = None if record is None else heroes.key_of(record)
        self._hero, self._hero_read = hero, True

    @classmethod
    def _has_hero_column(cls) -> bool:
        """Whether `hero` is a foreign key of the class's own table."""
        return any(field.name == "hero" for field in cls._meta.concrete_fields)

    def _fetch_hero(self) -> models.Model | None:
        if self.hero_id is None or self.hero_type is None:
            return None
        return heroes.fetch(self.hero_type, [self.hero_id], self).get(self.hero_id)

    def _hero_is_gone(self) -> bool:
        try:
            return self.hero_id is not None and self.hero is None
        except ObjectDoesNotExist:  # a foreign key without a constraint
            return True

    # ----------------------------------------------------------------------------------------------- saving

    @classmethod
    def from_db(cls, db: str | None, field_names: Any, values: Any, **kwargs: Any) -> Self:
        names = list(field_names)
        found = (cls.registry.find(values[names.index("type")]) or cls._meta.concrete_model) if "type" in names else cls
        load = super().from_db.__func__  # type: ignore[attr-defined]
        journey: Self = load(found, db, names, values, **kwargs)
        journey._as_read = (names, values)
        return journey

    def save(self, *args: Any, update_fields: Any = None, **kwargs: Any) -> None:
        """Insert a new journey, or save `data` and columns of your own.

        Inside a step it is a checkpoint: it is written only as long as the performance holds the journey.

        Raises:
            AlreadyOnJourney: on insertion, when the hero is on another journey of this class and key.
            StepperMotorError: when a column of the engine's was changed by hand; the message names the verb.
        """
        if self._state.adding:
            using = kwargs.get("using") or router.db_for_write(type(self), instance=self)
            starting.depart(self)
            starting.inserted([self], lambda: super(AbstractJourney, self).save(*args, **kwargs), using)
            return
        self._refuse_changes_by_hand(update_fields)
        own = [field.name for field in self._own_fields] if update_fields is None else list(update_fields)
        if self._inside and self._inside.holder:
            self._checkpoint(own)
        elif own:
            super().save(*args, update_fields=own, **kwargs)

    def get_constraints(self) -> Any:
        """Those that `full_clean()` looks at: yours. The engine's hold as soon as the journey departs, not before."""
        return [
            (model, [each for each in constraints if not each.name.endswith(ENGINE_CONSTRAINTS)])
            for model, constraints in super().get_constraints()
        ]

    def _checkpoint(self, own: list[str]) -> None:
        assert self._inside is not None
        held = type(self)._base_manager.using(self._state.db).filter(
            pk=self.pk, fence=self._inside.fence, performed_by=self._inside.holder
        )  # fmt: skip
        values = {name: getattr(self, name) for name in attnames(self, own)}
        if values and not models.QuerySet.update(held, **values):
            raise InvalidState("save", self.state, "this performance does not hold the journey any more")
        self._keep(values)

    def _refuse_changes_by_hand(self, update_fields: Any) -> None:
        own = {field.attname for field in self._own_fields}
        for name, value in zip(*self._as_read, strict=False):
            if name in self.engine_fields and name not in own and self.__dict__.get(name, value) != value:
                verb = VERBS_FOR.get(name)
                instead = f"use {verb}" if verb else "leave it as it is"
                raise StepperMotorError(f"{name} is the engine's column and was changed by hand: {instead}")
        for name in update_fields or ():
            if name in self.engine_fields and name not in own:
                verb = VERBS_FOR.get(name)
                raise StepperMotorError(f"{name} is the engine's column" + (f": use {verb}" if verb else ""))

    def refresh_from_db(self, using: str | None = None, fields: Any = None, from_queryset: Any = None) -> None:
        super().refresh_from_db(using, fields, from_queryset)
        names = [name for name in attnames(self, fields) if name in self.__dict__]
        self._has_read({name: self.__dict__[name] for name in names})
        if fields is None:
            self._hero, self._hero_read = None, False
        if self._inside:
            self._keep(names)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        """Delete the journey and its history. A step that runs meanwhile settles nothing."""
        return super().delete(*args, **kwargs)

    # ---------------------------------------------------------------------------------------------- knowledge

    def has_completed(self, step: str) -> bool:
        """Whether the step, under this or a former name, ever ended normally in this journey."""
        known = self.steps.find(step)
        names = [known.name, *known.formerly] if known else [step]
        return bool(self.history.filter(step_name__in=names, outcome="completed", attempt__isnull=False).exists())

    apause = asynchronous_verb(JourneyBase.pause)
    aresume = asynchronous_verb(JourneyBase.resume)
    acancel = asynchronous_verb(JourneyBase.cancel)
    askip = asynchronous_verb(JourneyBase.skip)
    areattempt = asynchronous_verb(JourneyBase.reattempt)
    areschedule = asynchronous_verb(JourneyBase.reschedule)
    ajump_to = asynchronous_verb(JourneyBase.jump_to)
    afinish = asynchronous_verb(JourneyBase.finish)
    aperform_next_step = asynchronous(JourneyBase.perform_next_step)
    ahas_completed = asynchronous(has_completed)

    async def ahero(self) -> Any:
        """The hero, read without blocking the event loop."""
        return await sync_to_async(lambda: self.hero)()


if not apps.is_installed("stepper_motor.django"):
    raise ImproperlyConfigured(
        "Journeys need their app: add 'stepper_motor.django' (with the .django) to INSTALLED_APPS, and run migrate"
    )


class Journey(AbstractJourney[HeroT]):
    """Named steps in order, kept as one row: derive your journeys from it, in `<app>/journeys.py`."""

    class Meta:
        db_table = "stepper_motor_journeys"
        verbose_name = _("journey")
        verbose_name_plural = _("journeys")
        permissions = [("operate_journey", _("Can pause, resume, cancel, skip and perform journeys"))]


JourneyHistory = Journey.History


class Ticket(models.Model):
    """What the sweep has handed to a job queue, whatever table its journey is in: see `stepper_motor.sql.tickets`."""

    journeys = NameField(_("table"), max_length=100)
    journey_id = NameField(_("journey"), max_length=200)
    fence = NameField(_("fence"), max_length=32)
    times = models.IntegerField(_("times"))
    again_at = models.DateTimeField(_("not again before"))

    class Meta:
        db_table = "stepper_motor_tickets"
        verbose_name = _("ticket")
        verbose_name_plural = _("tickets")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["journeys", "journey_id"], name="stepper_motor_one_ticket_per_journey")
        ]

    def __str__(self) -> str:
        return f"{self.journeys} {self.journey_id}"


__all__ = ["AbstractJourney", "Journey", "JourneyHistory", "JourneyQuerySet", "Ticket"]
