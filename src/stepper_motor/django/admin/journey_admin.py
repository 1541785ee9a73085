"""The admin of journeys, whichever table they are in."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.contrib.admin.models import CHANGE, DELETION
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import router, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from stepper_motor.django.admin import detail
from stepper_motor.django.admin.columns import JourneyColumns
from stepper_motor.django.admin.confirmation import CONFIRMED, ask_for_many, ask_for_one, form_for_many, form_for_one
from stepper_motor.django.admin.filters import AttentionFilter, StepFilter, TypeFilter
from stepper_motor.django.admin.listing import BoundedPaginator, JourneyList
from stepper_motor.django.admin.operations import (
    CANCEL,
    OPERATIONS,
    PAUSE,
    PERFORM,
    RESUME,
    SKIP,
    Operation,
    Refused,
    operate,
    operate_in_bulk,
    outcome_of,
)
from stepper_motor.django.admin.permissions import JourneyPermissions
from stepper_motor.django.admin.record import record
from stepper_motor.django.admin.search import search


class JourneyAdmin(JourneyColumns, JourneyPermissions):
    """Register it for a journey with a table of its own: `admin.site.register(PaymentJourney, JourneyAdmin)`.

    Operating asks for the permission `stepper_motor.operate_journey`, viewing and deleting for Django's own of the
    model that has the table. Nothing is performed in a web request: "perform now" makes a step due for a worker.
    """

    list_display = ("shown_id", "shown_type", "shown_hero", "shown_state", "shown_step", "shown_due")
    list_filter = ("state", AttentionFilter, TypeFilter, StepFilter)
    search_fields = ("pk",)
    search_help_text = gettext_lazy("A journey’s id, its hero’s id, or the hero’s type and id: “customer 12”.")
    ordering = ("-pk",)
    sortable_by = ("shown_id", "shown_due")
    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = BoundedPaginator
    actions = ("pause", "resume", "perform", "skip", "cancel")
    change_list_template = "stepper_motor/admin/change_list.html"
    journey_template = "stepper_motor/admin/journey.html"

    class Media:
        css = {"all": ("stepper_motor/admin.css",)}

    # ----------------------------------------------------------------------------------------------- the list

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[JourneyList]:
        return JourneyList

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        if request.GET.get(AttentionFilter.parameter_name) == "overdue":
            return ("next_step_to_be_performed_at",)  # what the index of the due can answer without sorting
        return self.ordering

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        return search(queryset, search_term), False

    # ------------------------------------------------------------------------------------------ one journey

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The page of a journey. It has no form of Django's: nothing is changed by hand."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        journey = self.get_object(request, unquote(object_id))
        if not self.has_view_permission(request, journey):
            raise PermissionDenied
        if journey is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[no-any-return,attr-defined]
        request.current_app = self.admin_site.name
        may_operate = self.has_operate_permission(request, journey)
        context = {
            **self.admin_site.each_context(request),
            **detail.context_of(journey, request, self.admin_site, may_operate=may_operate),
            "title": f"{journey.type} {journey.pk}",
            "original": journey,
            "opts": self.opts,
            "media": self.media,
            "operate_url": self._url("operate", journey),
            "delete_url": self._url("delete", journey) if self.has_delete_permission(request, journey) else None,
            "has_view_permission": True,
            **(extra_context or {}),
        }
        return TemplateResponse(request, self.journey_template, context)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The journey's page has its history, and who did what: there is no second one."""
        return HttpResponseRedirect(reverse(self._name("change"), args=[object_id], current_app=self.admin_site.name))

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_operate"
        view = self.admin_site.admin_view(self.operate_view)
        return [path("<path:object_id>/operate/", view, name=name), *super().get_urls()]

    def operate_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Do one of the operations to one journey; those that can't be taken back are confirmed first. POST only."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        journey = self.get_object(request, unquote(object_id))
        if not self.has_operate_permission(request, journey):
            raise PermissionDenied
        if journey is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[no-any-return,attr-defined]
        operation = OPERATIONS.get(request.POST.get("operation", ""))
        if operation is None:
            raise BadRequest("there is no such operation")
        page = self._url("change", journey)
        if operation.asks and CONFIRMED not in request.POST:
            return ask_for_one(self, request, journey, operation, back=page)
        self._operate(request, journey, operation)
        return HttpResponseRedirect(page)

    def _operate(self, request: HttpRequest, journey: Any, operation: Operation) -> None:
        form = form_for_one(request)
        if not form.is_valid():
            return self.message_user(request, str(form.errors["reason"][0]), messages.ERROR)
        reason = form.cleaned_data["reason"]
        seen, by = request.POST.get("fence", ""), request.user.get_username()
        try:
            operate(journey, operation, seen=seen, by=by, reason=reason)
        except Refused as refused:
            return self.message_user(request, str(refused), messages.ERROR)
        record(request, self.model, CHANGE, _told(operation, reason), [journey])
        return self.message_user(request, str(operation.done), messages.SUCCESS)

    # --------------------------------------------------------------------------------------------------- many

    @admin.action(permissions=["operate"], description=gettext_lazy("Pause"))
    def pause(self, request: HttpRequest, queryset: Any) -> HttpResponse | None:
        return self._operate_in_bulk(request, queryset, PAUSE)

    @admin.action(permissions=["operate"], description=gettext_lazy("Resume"))
    def resume(self, request: HttpRequest, queryset: Any) -> HttpResponse | None:
        return self._operate_in_bulk(request, queryset, RESUME)

    @admin.action(permissions=["operate"], description=gettext_lazy("Perform now"))
    def perform(self, request: HttpRequest, queryset: Any) -> HttpResponse | None:
        return self._operate_in_bulk(request, queryset, PERFORM)

    @admin.action(permissions=["operate"], description=gettext_lazy("Skip a step"))
    def skip(self, request: HttpRequest, queryset: Any) -> HttpResponse | None:
        return self._operate_in_bulk(request, queryset, SKIP)

    @admin.action(permissions=["operate"], description=gettext_lazy("Cancel"))
    def cancel(self, request: HttpRequest, queryset: Any) -> HttpResponse | None:
        return self._operate_in_bulk(request, queryset, CANCEL)

    def _operate_in_bulk(self, request: HttpRequest, queryset: Any, operation: Operation) -> HttpResponse | None:
        form = form_for_many(request, operation, queryset)
        if not form.is_valid():
            return ask_for_many(self, request, queryset, operation, form)
        reason, step = form.cleaned_data["reason"], form.cleaned_data.get("step")
        by = request.user.get_username()
        try:
            result = operate_in_bulk(queryset, operation, by=by, reason=reason, step=step)
        except Refused as refused:
            self.message_user(request, str(refused), messages.ERROR)
            return None
        summary = outcome_of(result)
        record(request, self.model, CHANGE, f"{_told(operation, reason, step)} {summary} {_selection(request)}".strip())
        level = messages.SUCCESS if result.changed else messages.WARNING
        self.message_user(request, f"{operation.label}: {summary}", level)
        return None

    # ----------------------------------------------------------------------------------------------- deletion

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Counts the history instead of listing every entry, and protects what is being performed."""
        _listed, counts, perms_needed, protected = super().get_deleted_objects(objs, request)
        held = [_("%s, whose step is being performed") % journey for journey in objs if journey.performed_by]
        return [str(journey) for journey in objs], counts, perms_needed, [*protected, *held]

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self.delete_queryset(request, self.model._base_manager.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        """Delete them with their histories; their rows are locked first, as everywhere."""
        using = router.db_for_write(self.model)
        with transaction.atomic(using=using):
            found = self.model._base_manager.using(using).filter(pk__in=list(queryset.values_list("pk", flat=True)))
            list(found.select_for_update().order_by("pk").values_list("pk", flat=True))
            found.delete()

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        return record(request, self.model, DELETION, "", queryset)

    # -------------------------------------------------------------------------------------------------- names

    def _name(self, view: str) -> str:
        return f"admin:{self.opts.app_label}_{self.opts.model_name}_{view}"

    def _url(self, view: str, journey: Any) -> str:
        return reverse(self._name(view), args=[quote(journey.pk)], current_app=self.admin_site.name)


def _told(operation: Operation, reason: str, step: str | None = None) -> str:
    what = f"{capfirst(operation.label)} ({step})" if step else capfirst(operation.label)
    return f"{what}: {reason}." if reason else f"{what}."


def _selection(request: HttpRequest) -> str:
    """Which journeys an operation on many was asked for, for the log."""
    if request.POST.get("select_across") == "1":
        return _("All that matched: %s") % request.get_full_path()
    return ", ".join(request.POST.getlist(helpers.ACTION_CHECKBOX_NAME))
