"""What the list of journeys is narrowed by. None of it reads the table to find out what there is to choose."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from stepper_motor.journeys.sentences import TAKEN_WITHIN
from stepper_motor.motor import clock

STEPS_LISTED = 30
"""Steps of all types together that are offered at most."""


def known_classes(model: Any) -> Iterator[Any]:
    """The journey classes that may stand in the list of this model."""
    return (cls for cls in model.registry if issubclass(cls, model))


class TypeFilter(admin.SimpleListFilter):
    title = _("type")
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        names = sorted(cls.definition.type_name for cls in known_classes(model_admin.model))
        return [(name, name) for name in names] if len(names) > 1 else []

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(type=self.value()) if self.value() else queryset


class StepFilter(admin.SimpleListFilter):
    """The next step, found under its former names too. Where there are many, a type is to be chosen first."""

    title = _("step")
    parameter_name = "step"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        chosen = request.GET.get(TypeFilter.parameter_name)
        classes = [cls for cls in known_classes(model_admin.model) if chosen in (None, cls.definition.type_name)]
        names = dict.fromkeys(name for cls in classes for name in cls.steps.names)
        if chosen is None and len(names) > STEPS_LISTED:
            # Django drops a filter without choices, and would list everything: the one that is asked for stays.
            names = dict.fromkeys(request.GET.getlist(self.parameter_name))
        return [(name, name) for name in names]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        name = self.value()
        if not name:
            return queryset
        found = Q(next_step_name=name)
        for cls in known_classes(queryset.model):
            step = cls.steps.find(name)
            if step is not None and step.formerly:
                names = [step.name, *step.formerly]
                found |= Q(type=cls.definition.type_name, next_step_name__in=names)
        return queryset.filter(found)


class AttentionFilter(admin.SimpleListFilter):
    title = _("what needs attention")
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("overdue", _("overdue by more than a minute")),
            ("lost", _("lost: the performer is silent")),
            ("unknown", _("at a step or of a type that this code does not know")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        match self.value():
            case "overdue":
                return queryset.due(clock.now() - TAKEN_WITHIN)
            case "lost":
                return queryset.lost()
            case "unknown":
                return queryset.ongoing().exclude(_at_known_steps(queryset.model))
        return queryset


def _at_known_steps(model: Any) -> Q:
    known = Q()
    for cls in known_classes(model):
        names = [name for step in cls.steps for name in (step.name, *step.formerly)]
        known |= Q(type=cls.definition.type_name, next_step_name__in=names)
    return known
