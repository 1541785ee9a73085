"""The page of one journey: where it stands, how it got there, and what comes next. Read-only."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.admin.utils import display_for_field
from django.http import HttpRequest
from django.utils.translation import gettext as _

from stepper_motor.django.admin.columns import state_mark
from stepper_motor.django.admin.hero import NOTHING, shown_hero
from stepper_motor.django.admin.operations import offered
from stepper_motor.django.tables import AbstractHistoryEntry

ENTRIES_SHOWN = 100
"""Entries of the history, the latest ones, unless all are asked for."""

FACTS = (
    "key", "previous_step_name", "next_step_name", "next_step_to_be_performed_at", "arrived_at", "attempts", "failures",
    "losses", "round", "steps_entered", "steps_completed", "performed_by", "lease_expires_at", "allow_multiple",
    "created_at", "updated_at", "ended_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of the history, as the timeline shows it."""

    entry: AbstractHistoryEntry

    @property
    def duration(self) -> str:
        """How long the performance took; empty for what takes no time, and where nobody knows."""
        entry = self.entry
        if entry.attempt is None or entry.started_at is None:
            return ""
        return shown_duration(entry.finished_at - entry.started_at)

    @property
    def kind(self) -> str:
        """How it is marked: well, badly, or neither."""
        if self.entry.error_class or self.entry.outcome in ("failed", "lost", "hook_failed"):
            return "sm-bad"
        return "sm-good" if self.entry.outcome in ("completed", "finished") else ""


def shown_duration(span: timedelta) -> str:
    seconds = span.total_seconds()
    if seconds < 1:
        return _("%d ms") % round(seconds * 1000)
    if seconds < 60:
        return _("%.1f s") % seconds
    return str(timedelta(seconds=round(seconds)))


def context_of(journey: Any, request: HttpRequest, site: Any, *, may_operate: bool) -> dict[str, Any]:
    """What the template of the page needs to know of the journey."""
    explanation = journey.explain()
    lines, hidden_before = _timeline(journey, everything=request.GET.get("history") == "all")
    return {
        "journey": journey,
        "known_type": journey.registry.find(journey.type) is not None,
        "state_mark": state_mark(journey),
        "hero": shown_hero(journey, request, site),
        "explanation": explanation,
        "facts": [*_facts(journey), *_own_facts(journey)],
        "operations": offered(journey) if may_operate else [],
        "lines": lines,
        "has_earlier": hidden_before,
        "data": json.dumps(journey.data, indent=2, ensure_ascii=False, default=str),
    }


def _timeline(journey: Any, *, everything: bool) -> tuple[list[Line], bool]:
    latest = journey.history.order_by("-id")
    entries = list(latest if everything else latest[: ENTRIES_SHOWN + 1])
    has_earlier = not everything and len(entries) > ENTRIES_SHOWN
    shown = entries if everything else entries[:ENTRIES_SHOWN]
    return [Line(entry) for entry in reversed(shown)], has_earlier


def _facts(journey: Any) -> list[tuple[str, Any]]:
    fields = [journey._meta.get_field(name) for name in FACTS]
    return [_fact(journey, field) for field in fields if getattr(journey, field.name)]


def _own_facts(journey: Any) -> list[tuple[str, Any]]:
    """The columns of a journey with a table of its own."""
    return [_fact(journey, field) for field in journey._own_fields if field.name not in ("data", "hero")]


def _fact(journey: Any, field: Any) -> tuple[str, Any]:
    return field.verbose_name, display_for_field(getattr(journey, field.name), field, NOTHING)
