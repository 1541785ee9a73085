"""The list of journeys, made for millions of rows: it counts only so far, and asks for all heroes of a page at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.http import HttpRequest
from django.utils.functional import cached_property

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
        journeys: list[Any] = list(self.result_list) if self.result_count else []  # a second look would scan again
        if journeys:
            store_of(self.model, journeys[0]._state.db).load_heroes(journeys)
        for journey in journeys:
            journey._shown_hero = shown_hero(journey, request, self.model_admin.admin_site)
        self.result_list = journeys  # what the templates do with it, a list can
        self.counted_up_to = COUNTED_UP_TO if self.result_count >= COUNTED_UP_TO else None
