"""The journey as a Django model."""

from __future__ import annotations

import builtins
import copy
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, cast, overload

from asgiref.sync import sync_to_async
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured, ObjectDoesNotExist
from django.db import models, router
from django.utils.translation import gettext_lazy as _

from stepper_motor.django import heroes, starting
from stepper_motor.django.fields import NameField, StateField
from stepper_motor.django.managers import JourneyManager, JourneyQuerySet
from stepper_motor.django.metaclass import JourneyMetaclass
from stepper_motor.django.start_for import start_for
from stepper_motor.django.twins import asynchronous, asynchronous_verb
from stepper_motor.journeys.errors import InvalidState, StepperMotorError
from stepper_motor.journeys.journey import Door, HeroT, JourneyBase
from stepper_motor.journeys.row import Row, State
from stepper_motor.motor.registry import Registry

if TYPE_CHECKING:
    from stepper_motor.django.store import DjangoStore
    from stepper_motor.django.tables import AbstractHistoryEntry

VERBS_FOR = {
    "state": "pause(), resume(), cancel() or finish()",
    "next_step_name": "jump_to() or skip()",
    "previous_step_name": "jump_to() or skip()",
    "next_step_to_be_performed_at": "reschedule() or reattempt()",
    "ended_at": "cancel() or finish()",
}
"""What to use instead of setting a column of the engine's by hand."""


class AbstractJourney(JourneyBase[HeroT], models.Model, metaclass=JourneyMetaclass):
    """Base of a journey with a table of its own: columns of yours, and `hero` a real foreign key if you declare it."""

    id: Any = models.BigAutoField(primary_key=True)
    # Eight-byte columns first, then four, then text: PostgreSQL pads less, and a journey that sleeps stays small.
    next_step_to_be_performed_at = models.DateTimeField(_("due"), null=True, editable=False)
    arrived_at = models.DateTimeField(_("at this step since"), editable=False)
    created_at = models.DateTimeField(_("created"), editable=False)
    updated_at = models.DateTimeField(_("updated"), editable=False)
    lease_expires_at = models.DateTimeField(_("lease expires"), null=True, editable=False)
    ended_at = models.DateTimeField(_("ended"), null=True, editable=False)
    attempts = models.IntegerField(_("attempts"), default=0, editable=False)
    failures = models.IntegerField(_("failures"), default=0, editable=False)
    losses = models.IntegerField(_("losses"), default=0, editable=False)
    round = models.IntegerField(_("round"), default=0, editable=False)
    steps_entered = models.IntegerField(_("steps entered"), default=0, editable=False)
    steps_completed = models.IntegerField(_("steps completed"), default=0, editable=False)
    allow_multiple = models.BooleanField(_("allow multiple"), default=False)
    state = StateField(_("state"), max_length=10, choices=State.choices, default=State.READY.value, editable=False)
    fence = NameField(_("fence"), max_length=32, editable=False)
    type = NameField(_("type"), max_length=100, editable=False)
    hero_type = NameField(_("hero type"), max_length=100, null=True, blank=True)
    hero_id = NameField(_("hero"), max_length=200, null=True, blank=True)
    key = NameField(_("key"), max_length=100, default="", blank=True)
    next_step_name = NameField(_("next step"), max_length=200, null=True, editable=False)
    previous_step_name = NameField(_("previous step"), max_length=200, null=True, editable=False)
    performed_by = models.CharField(_("performed by"), max_length=100, null=True, editable=False)  # noqa: DJ001
    reason = models.TextField(_("reason"), null=True, editable=False)  # noqa: DJ001
    data: Any = models.JSONField(_("data"), default=dict, blank=True)

    if TYPE_CHECKING:
        objects: ClassVar[JourneyQuerySet[Self]]  # type: ignore[misc]
    else:
        objects = JourneyManager()

    _defined_by_home = True
    registry: ClassVar[Registry]
    History: ClassVar[builtins.type[AbstractHistoryEntry]]
    engine_fields: ClassVar[frozenset[str]] = frozenset(
        {*Row._fields, "type", "created_at", "allow_multiple", "hero_type", "hero_id", "key"}
    )
    """The columns that `save()` never writes again once the journey exists."""
    _own_fields: ClassVar[list[models.Field[Any, Any]]]
    history: Any
    _first_at: datetime | None = None
    _as_read: tuple[Sequence[str], Sequence[Any]] = ((), ())
    """Names and values as they were last read: what was changed by hand since is noticed by comparison."""
    _hero: Any = None
    _hero_read = False

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

    def _checkpoint(self, own: list[str]) -> None:
        assert self._inside is not None
        held = type(self)._base_manager.using(self._state.db).filter(
            pk=self.pk, fence=self._inside.fence, performed_by=self._inside.holder
        )  # fmt: skip
        values = {name: getattr(self, name) for name in _attnames(self, own)}
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
        names = [name for name in _attnames(self, fields) if name in self.__dict__]
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

    # ------------------------------------------------------------------------------------ asked by the motor

    @property
    def _door(self) -> Door:
        from stepper_motor.django.engine import motor

        return motor()

    @property
    def _store(self) -> DjangoStore:
        from stepper_motor.django.engine import store_of

        return store_of(type(self), router.db_for_write(type(self), instance=self))

    @property
    def _row(self) -> Row:
        return Row._make([getattr(self, name) for name in Row._fields])

    @property
    def _id(self) -> Any:
        return self.pk

    @property
    def _created_at(self) -> datetime:
        return self.created_at

    @property
    def _identity(self) -> str:
        return f"{self._meta.db_table}\x1f{self.pk}\x1f{self.created_at.isoformat()}"

    @property
    def _hero_text(self) -> str | None:
        hero_id = getattr(self, "hero_id", None)
        if hero_id is None:
            return None
        return f"{getattr(self, 'hero_type', None) or 'hero'} {hero_id}"

    def _begin(self) -> None:
        """A step begins: remember its own columns, so that what it changes can be told from what it left alone."""
        self._before = {field.attname: _kept(self.__dict__.get(field.attname)) for field in self._own_fields}

    def _keep(self, names: Iterable[str]) -> None:
        """These own columns now stand in the database as they stand here."""
        self._before |= {name: _kept(self.__dict__.get(name)) for name in names if name in self._before}

    def _changes(self) -> tuple[str | None, dict[str, Any]]:
        """What the step changed: `data` as JSON, and its own columns by name."""
        own = {
            name: self.__dict__[name] for name, before in self._before.items()
            if name in self.__dict__ and self.__dict__[name] != before
        }  # fmt: skip
        if "data" not in own:
            return None, own
        return json.dumps(own.pop("data"), allow_nan=False), own

    def _refresh(self, row: Row) -> None:
        """Take over the engine's columns as they were just written."""
        self.__dict__.update(row._asdict())
        self._has_read(row._asdict())

    def _has_read(self, values: dict[str, Any]) -> None:
        known = dict(zip(*self._as_read, strict=False)) | values
        self._as_read = (list(known), list(known.values()))

    def _next_object(self, row: Row, own: dict[str, Any]) -> Self:
        """A fresh object for the next step: the engine's columns as written, the own ones as just read."""
        values = {field.attname: self.__dict__[field.attname] for field in self._meta.concrete_fields}
        values.update(zip(self._as_read[0], self._as_read[1], strict=True))
        values.update(row._asdict())
        values.update(own)
        return self.from_db(self._state.db, list(values), list(values.values()))

    def _reload(self) -> None:
        if type(self)._base_manager.using(self._state.db).filter(pk=self.pk).exists():
            self.refresh_from_db()

    _before: dict[str, Any] = {}  # replaced, never changed


def _attnames(journey: AbstractJourney[Any], names: Iterable[str] | None) -> list[str]:
    """The columns of the fields with these names; None: of all."""
    fields = journey._meta.concrete_fields
    return [field.attname for field in fields if names is None or field.name in names or field.attname in names]


def _kept(value: Any) -> Any:
    return copy.deepcopy(value) if isinstance(value, dict | list | set) else value


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

__all__ = ["AbstractJourney", "Journey", "JourneyHistory", "JourneyQuerySet"]
