"""The list of journeys, made for millions of rows: it counts only so far, and asks for all heroes of a page at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db import models
from django.db.models import Q
from django.http import HttpRequest
from django.utils.functional import cached_property

from stepper_motor.django import heroes
from stepper_motor.django.admin.hero import shown_hero
from stepper_motor.django.engine import store_of

COUNTED_UP_TO = 10_000
"""Rows that the list counts and pages through at most."""

if TYPE_CHECKING:
    _Paginator = Paginator[Any]
else:
    _Paginator = Paginator


class BoundedPaginator(_Paginator):
    """Counts no further than `COUNTED_UP_TO`: a COUNT(*) over millions of rows takes seconds on every database."""

    @cached_property
    def count(self) -> int:
        return bounded_count(self.object_list)


def bounded_count(queryset: Any) -> int:
    """How many rows there are, or `COUNTED_UP_TO` if there are more."""
    return int(queryset.order_by()[:COUNTED_UP_TO].count())


class JourneyList(ChangeList):
    """Django's list, with the heroes of the page read in one query for each kind of hero."""

    counted_up_to: int | None = None
    """Set where there are more rows than were counted."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        journeys: list[Any] = list(self.result_list)
        if journeys:
            store_of(self.model, journeys[0]._state.db).load_heroes(journeys)
        for journey in journeys:
            journey._shown_hero = shown_hero(journey, request, self.model_admin.admin_site)
        self.result_list = journeys  # type: ignore[assignment]  # what the templates do with it, a list can
        self.counted_up_to = COUNTED_UP_TO if self.result_count >= COUNTED_UP_TO else None


def search(queryset: models.QuerySet[Any], text: str) -> models.QuerySet[Any]:
    """Journeys by their id, their hero's id, or their hero's type and id ("customer 12").

    The hero's type may be its model's name, its label or its table. Only what indexes can answer is asked.
    """
    text = text.strip()
    if not text:
        return queryset
    found = [*_by_key(queryset.model, text), *_by_hero(queryset.model, text)]
    return queryset.filter(Q.create(found, connector=Q.OR)) if found else queryset.none()


def _by_key(model: Any, text: str) -> list[Q]:
    key = _parsed(model._meta.pk, text)
    return [] if key is None else [Q(pk=key)]


def _by_hero(model: Any, text: str) -> list[Q]:
    *words, last = text.split()
    if model._has_hero_column():
        hero = model._meta.get_field("hero")
        names = {name.lower() for name in _names_of(hero.related_model)}
        key = _parsed(hero.target_field, last) if not words or " ".join(words).lower() in names else None
        return [] if key is None else [Q(hero=key)]
    # The hero's index begins with its type: with every table there is, an id alone can use it too.
    tables = {table: {name.lower() for name in _names_of(each)} for each in apps.get_models() for table in [_table(each)]}
    anywhere = Q(hero_type__in=sorted(tables), hero_id=text)
    if not words:
        return [anywhere]
    named = " ".join(words)
    meant = [table for table, names in tables.items() if named.lower() in names] or [named]
    return [anywhere, Q(hero_type__in=sorted(meant), hero_id=last)]


def _table(model: type[models.Model]) -> str:
    return heroes.type_of(model)


def _names_of(model: Any) -> tuple[str, ...]:
    opts = model._meta
    return opts.model_name, opts.label, opts.db_table, str(opts.verbose_name)


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
