"""Finding journeys by their id and by their hero's. Only what indexes can answer is asked."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet

from stepper_motor.django import heroes


def search(queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
    """Journeys by their id, their hero's id, or their hero's type and id ("customer 12").

    The hero's type may be its model's name, its label or its table.
    """
    text = text.strip()
    if not text:
        return queryset
    model: Any = queryset.model
    by_hero = _by_foreign_key if model._has_hero_column() else _by_hero
    found = [*_by_key(model, text), *by_hero(model, text)]
    return queryset.filter(reduce(or_, found)) if found else queryset.none()


def _by_key(model: Any, text: str) -> list[Q]:
    key = _parsed(model._meta.pk, text)
    return [] if key is None else [Q(pk=key)]


def _by_foreign_key(model: Any, text: str) -> list[Q]:
    hero = model._meta.get_field("hero")
    kind, _, key = text.rpartition(" ")
    if kind and kind.strip().lower() not in _names_of(hero.related_model):
        return []
    value = _parsed(hero.target_field, key)
    return [] if value is None else [Q(hero=value)]


def _by_hero(model: Any, text: str) -> list[Q]:
    # The hero's index begins with its type: told every table there is, an id alone can use it too.
    by_id = Q(hero_type__in=_tables(apps.get_models()), hero_id=text)
    kind, _, key = text.rpartition(" ")
    if not kind:
        return [by_id]
    meant = [each for each in apps.get_models() if kind.strip().lower() in _names_of(each)]
    return [by_id, Q(hero_type__in=_tables(meant) or [kind.strip()], hero_id=key)]


def _tables(models: Iterable[Any]) -> list[str]:
    return sorted({heroes.type_of(model) for model in models})


def _names_of(model: Any) -> set[str]:
    opts = model._meta
    return {name.lower() for name in (opts.model_name, opts.label, opts.db_table, str(opts.verbose_name))}


def _parsed(field: Any, text: str) -> Any:
    """What the field would hold; None if it can't hold such a text."""
    while field.remote_field:
        field = field.target_field
    try:
        value = field.to_python(text)
        field.run_validators(value)
    except (ValidationError, ValueError, TypeError):
        return None
    return value
