"""The page between the wish and the deed: what is about to happen, and why, for the history."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.admin import helpers
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from stepper_motor.django.admin.listing import COUNTED_UP_TO, bounded_count
from stepper_motor.django.admin.operations import SKIP, Operation

CONFIRMED = "confirmed"
TEMPLATE = "stepper_motor/admin/confirmation.html"


class ConfirmationForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        required=False,
        max_length=500,
        help_text=gettext_lazy("Kept in the history. You may leave it empty."),
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )


class StepForm(ConfirmationForm):
    step = forms.ChoiceField(
        label=gettext_lazy("Step"),
        help_text=gettext_lazy("Only those that stand at this step are touched."),
    )

    field_order = ("step", "reason")

    def __init__(self, *args: Any, steps: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["step"].choices = [(name, name) for name in steps]  # type: ignore[attr-defined]


def form_for_one(request: HttpRequest) -> ConfirmationForm:
    return ConfirmationForm(request.POST)


def form_for_many(request: HttpRequest, operation: Operation, queryset: Any) -> ConfirmationForm:
    """Bound once the page was confirmed."""
    given = request.POST if CONFIRMED in request.POST else None
    if operation is not SKIP:
        return ConfirmationForm(given)
    standing = queryset.filter(next_step_name__isnull=False).order_by("next_step_name")
    steps = list(standing.values_list("next_step_name", flat=True).distinct())
    return StepForm(given, steps=steps)


def ask_for_one(admin: Any, request: HttpRequest, journey: Any, operation: Operation, back: str) -> TemplateResponse:
    question = _("%(operation)s: %(journey)s?") % {"operation": operation.label, "journey": journey}
    hidden = [("operation", operation.name), ("fence", request.POST.get("fence", ""))]
    form = ConfirmationForm(initial={"reason": request.POST.get("reason", "")})
    context = {"original": journey, "effects": [_at(journey), operation.effect], "back": back}
    return _page(admin, request, operation, question, form, hidden, context)


def _at(journey: Any) -> str:
    name = journey.next_step_name
    return _("It stands at step “%(step)s”.") % {"step": name} if name else ""


def ask_for_many(
    admin: Any, request: HttpRequest, queryset: Any, operation: Operation, form: ConfirmationForm
) -> TemplateResponse:
    question = _("%(operation)s: %(journeys)s?") % {"operation": operation.label, "journeys": _count_of(queryset)}
    selected = request.POST.getlist(helpers.ACTION_CHECKBOX_NAME)
    hidden = [
        *((helpers.ACTION_CHECKBOX_NAME, key) for key in selected),
        ("action", operation.name),
        ("select_across", request.POST.get("select_across", "0")),
    ]
    each = _("For each of them: %(effect)s") % {"effect": operation.effect}
    passed_over = _("Those whose state does not allow it are passed over.")
    context = {"original": question, "effects": [each, passed_over], "back": request.get_full_path()}
    return _page(admin, request, operation, question, form, hidden, context)


def _count_of(queryset: Any) -> str:
    count = bounded_count(queryset)
    if count >= COUNTED_UP_TO:
        return _("%d journeys or more") % count
    return ngettext("%d journey", "%d journeys", count) % count


def _page(
    admin: Any, request: HttpRequest, operation: Operation, question: str, form: forms.Form,
    hidden: list[tuple[str, str]], context: dict[str, Any],
) -> TemplateResponse:  # fmt: skip
    request.current_app = admin.admin_site.name  # as Django's own admin views do
    page = {
        **admin.admin_site.each_context(request),
        "title": question,
        "opts": admin.opts,
        "media": admin.media,
        "has_view_permission": True,
        "form": form,
        "hidden": [*hidden, (CONFIRMED, "yes")],
        "do_it": capfirst(operation.label),
        **context,
    }
    return TemplateResponse(request, TEMPLATE, page)
