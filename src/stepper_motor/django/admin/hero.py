"""The hero of a journey, as the admin shows it."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.utils import quote
from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from stepper_motor.django import heroes

NOTHING = "–"


def shown_hero(journey: Any, request: HttpRequest, site: AdminSite) -> SafeString | str:
    """The hero and what it is, with a link to its own page in the admin for those who may see that."""
    if journey.hero_id is None:
        return NOTHING
    try:
        hero, missing = journey.hero, _("gone")
    except heroes.UnknownHero:
        hero, missing = None, _("no such model")
    except ObjectDoesNotExist:  # a foreign key without a constraint
        hero, missing = None, _("gone")
    if hero is None:
        return format_html('{} <span class="sm-mark sm-bad">{}</span>', _by_id(journey), missing)
    url = _page_of(hero, request, site)
    shown = format_html('<a href="{}">{}</a>', url, hero) if url else format_html("{}", hero)
    return format_html('{} <span class="quiet">{}</span>', shown, hero._meta.verbose_name)


def _by_id(journey: Any) -> str:
    if journey._has_hero_column():
        return f"{journey._meta.get_field('hero').related_model._meta.verbose_name} {journey.hero_id}"
    try:
        name = heroes.model_of(journey.hero_type)._meta.verbose_name
    except heroes.UnknownHero:
        name = journey.hero_type
    return f"{name} {journey.hero_id}"


def _page_of(hero: models.Model, request: HttpRequest, site: AdminSite) -> str | None:
    model = type(hero)
    if not site.is_registered(model) or not site.get_model_admin(model).has_view_or_change_permission(request):
        return None
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
    return reverse(name, args=[quote(hero.pk)], current_app=site.name)
