"""What a journey answers when the motor asks: its row, what a step changed, and which store it is in."""

from __future__ import annotations

import builtins
import copy
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

from django.db import models, router

from stepper_motor.django.columns import Columns
from stepper_motor.django.metaclass import JourneyMetaclass
from stepper_motor.journeys.journey import Door, HeroT, JourneyBase
from stepper_motor.journeys.row import Row
from stepper_motor.motor.registry import Registry

if TYPE_CHECKING:
    from stepper_motor.django.store import DjangoStore
    from stepper_motor.django.tables import AbstractHistoryEntry


class Answers(JourneyBase[HeroT], Columns, metaclass=JourneyMetaclass):
    """The side of a journey that the motor sees."""

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
    _before: dict[str, Any] = {}
    """The own columns as they were when the step began; replaced, never changed."""

    class Meta:
        abstract = True

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
        return cast("datetime", self.created_at)

    @property
    def _identity(self) -> str:
        return f"{self._meta.db_table}\x1f{self.pk}\x1f{self.created_at.isoformat()}"

    @property
    def _unknown_type(self) -> str | None:
        return None if self.registry.find(self.type) else self.type

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


def attnames(journey: models.Model, names: Iterable[str] | None) -> list[str]:
    """The columns of the fields with these names; None: of all."""
    fields = journey._meta.concrete_fields
    return [field.attname for field in fields if names is None or field.name in names or field.attname in names]


def _kept(value: Any) -> Any:
    return copy.deepcopy(value) if isinstance(value, dict | list | set) else value
