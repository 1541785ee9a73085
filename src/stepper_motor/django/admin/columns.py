"""The columns of the list of journeys."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.timesince import timesince, timeuntil
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from stepper_motor.django.admin.hero import NOTHING
from stepper_motor.journeys.row import State
from stepper_motor.journeys.sentences import TAKEN_WITHIN
from stepper_motor.motor import clock

MARK_OF = {State.PAUSED: "sm-warn", State.CANCELED: "sm-quiet", State.FINISHED: "sm-good"}


class JourneyColumns:
    """What a row of the list tells."""

    @admin.display(description=gettext_lazy("id"), ordering="pk")
    def shown_id(self, journey: Any) -> str:
        return str(journey.pk)

    @admin.display(description=gettext_lazy("type"))
    def shown_type(self, journey: Any) -> SafeString | str:
        if journey.registry.find(journey.type) is not None:
            return str(journey.type)
        return format_html("{} {}", journey.type, _mark("sm-bad", _("unknown")))

    @admin.display(description=gettext_lazy("hero"))
    def shown_hero(self, journey: Any) -> SafeString | str:
        return getattr(journey, "_shown_hero", NOTHING)

    @admin.display(description=gettext_lazy("state"))
    def shown_state(self, journey: Any) -> SafeString:
        mark = state_mark(journey)
        if not journey.reason:
            return mark
        return format_html('{} <div class="sm-reason">{}</div>', mark, Truncator(journey.reason).chars(80))

    @admin.display(description=gettext_lazy("next step"))
    def shown_step(self, journey: Any) -> SafeString | str:
        name = journey.next_step_name
        if name is None:
            return NOTHING
        parts = [format_html("{}", name)]
        if journey.state.ongoing and journey.registry.find(journey.type) and name not in journey.steps:
            parts.append(_mark("sm-bad", _("unknown")))
        if journey.attempts:
            tried = ngettext("tried %d time", "tried %d times", journey.attempts) % journey.attempts
            parts.append(_mark("sm-warn", tried))
        return format_html(" ".join(["{}"] * len(parts)), *parts)

    @admin.display(description=gettext_lazy("due"), ordering="next_step_to_be_performed_at")
    def shown_due(self, journey: Any) -> SafeString | str:
        due = journey.next_step_to_be_performed_at
        if due is None or not journey.state.ongoing:
            return NOTHING
        return format_html(
            '<time datetime="{}" title="{}" class="{}">{}</time>',
            due.isoformat(), exactly(due), "sm-overdue" if is_overdue(journey) else "", _relative(journey),
        )  # fmt: skip


def state_mark(journey: Any) -> SafeString:
    """The state, and whether its performer is silent."""
    mark = _mark(MARK_OF.get(journey.state, ""), str(journey.state))
    if journey.performed_by is None or not journey._row.lapsed(clock.now()):
        return mark
    return format_html("{} {}", mark, _mark("sm-bad", _("lost")))


def is_overdue(journey: Any) -> bool:
    """Whether nobody took the step for longer than a worker ever needs."""
    due = journey.next_step_to_be_performed_at
    return journey.state is State.READY and due is not None and due <= clock.now() - TAKEN_WITHIN


def exactly(moment: Any) -> str:
    return date_format(timezone.localtime(moment), "DATETIME_FORMAT")


def _relative(journey: Any) -> str:
    due, now = journey.next_step_to_be_performed_at, clock.now()
    if is_overdue(journey):
        return _("overdue by %s") % timesince(due, now, depth=1)
    if due - now >= TAKEN_WITHIN:
        return _("in %s") % timeuntil(due, now, depth=1)
    if journey.state is State.PAUSED:
        return _("when resumed")
    return _("now") if due <= now else _("within a minute")


def _mark(kind: str, text: str) -> SafeString:
    return format_html('<span class="sm-mark {}">{}</span>', kind, text)
