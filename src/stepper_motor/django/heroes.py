"""The hero of a journey: any model, any kind of key, kept as two strings.

`hero_type` is the name of the hero's table: the one name of it that two ORMs on one database share.
`hero_id` is its primary key as text; a composite key is a JSON array of texts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.db import models, router
from django.db.models import CharField, OuterRef, Value
from django.db.models.functions import Cast, Concat, Lower, Substr

from stepper_motor.django.lookups import among
from stepper_motor.django.reading import read
from stepper_motor.journeys.errors import StepperMotorError


class UnknownHero(StepperMotorError):
    """The hero's table belongs to no model of this project: its app is not installed, or the table was renamed."""


_models: dict[str, type[models.Model]] = {}


def type_of(model: Any) -> str:
    """The `hero_type` of a model; a proxy's heroes are those of its table."""
    if not (isinstance(model, type) and issubclass(model, models.Model)):
        raise TypeError(f"a hero is an object of a model, not of {getattr(model, '__name__', model)!r}")
    concrete = model._meta.concrete_model or model
    return str(concrete._meta.db_table)


def key_of(hero: models.Model) -> str:
    """The `hero_id` of a saved object."""
    if hero._state.adding or hero.pk is None:
        raise ValueError(f"the hero {hero!r} has no primary key yet: save it before its journey starts")
    return key_text(hero.pk)


def key_text(key: Any) -> str:
    """A primary key as text."""
    if isinstance(key, tuple):
        return json.dumps([str(part) for part in key])
    return str(key)


def model_of(hero_type: str) -> type[models.Model]:
    """The model whose table this is.

    Raises:
        UnknownHero: no installed model has it.
    """
    if hero_type not in _models:
        _models.update(_find_models())
    model = _models.get(hero_type)
    if model is None:
        raise UnknownHero(f"no model of this project has the table {hero_type!r}: is the hero's app installed?")
    return model


def _find_models() -> dict[str, type[models.Model]]:
    found: dict[str, type[models.Model]] = {}
    for model in apps.get_models(include_auto_created=True):
        if not model._meta.proxy and (model._meta.managed or model._meta.db_table not in found):
            found[model._meta.db_table] = model
    return found


def fetch(hero_type: str, hero_ids: Iterable[str], beside: models.Model) -> dict[str, models.Model]:
    """The heroes that exist, by `hero_id`, in one query.

    Args:
        beside: one of their journeys: unless a router says otherwise, they are in its database.
    """
    model = model_of(hero_type)
    keys = {hero_id: key for hero_id in hero_ids if (key := _key(model, hero_id)) is not None}
    alias = alias_of(model, beside)
    if len(keys) == 1:
        ((hero_id, key),) = keys.items()
        hero = read(model, key, alias)
        return {hero_id: hero} if hero is not None else {}
    found = {hero.pk: hero for hero in model._base_manager.using(alias).filter(among(keys.values()))}
    return {hero_id: found[key] for hero_id, key in keys.items() if key in found}


def alias_of(model: type[models.Model], beside: models.Model) -> str:
    """Where to read the heroes of a journey that was read where journeys are written: where heroes are written, too.

    A copy that a router reads from may lag behind, and not know the hero of a new journey yet.
    """
    is_current = beside._state.db == router.db_for_write(type(beside), instance=beside)
    return (router.db_for_write if is_current else router.db_for_read)(model, instance=beside)


def _key(model: type[models.Model], hero_id: str) -> Any:
    """The primary key that a text stands for; None if the model can't have such a key."""
    pk: Any = model._meta.pk
    try:
        if hasattr(pk, "fields"):
            texts = json.loads(hero_id)
            return tuple(field.to_python(text) for field, text in zip(pk.fields, texts, strict=True))
        while pk.remote_field:  # a key that is a relation: its target's kind
            pk = pk.target_field
        return pk.to_python(hero_id)
    except Exception:
        return None


def hero_key(model: type[models.Model], reference: Any = None, *, connection: Any) -> Any:
    """An expression for the primary key of `model` as text, in the form `hero_id` has."""
    reference = reference or OuterRef("pk")
    pk: Any = model._meta.pk
    if hasattr(pk, "fields"):
        raise ValueError(f"{model.__name__} has a composite primary key, which no SQL expression can turn into text")
    while pk.remote_field:
        pk = pk.target_field
    text = Cast(reference, CharField(max_length=200))
    if isinstance(pk, models.UUIDField) and not connection.features.has_native_uuid_field:
        hex_digits = Lower(text)  # kept without dashes there, with dashes in `hero_id`
        parts = [Substr(hex_digits, start, length) for start, length in ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))]
        dashed: list[Any] = [parts[0]]
        for part in parts[1:]:
            dashed += [Value("-"), part]
        return Concat(*dashed, output_field=CharField())
    return text
