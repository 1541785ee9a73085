"""Who did what, in Django's own log of the admin. The journey's history has it as well."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest


def record(request: HttpRequest, model: Any, action: int, message: str, journeys: Iterable[Any] = ()) -> list[Any]:
    """An entry for each journey; without journeys, one entry for an operation on many.

    They belong to the model with the table: a hidden proxy has no content type, and must not get one by this.
    """
    from django.contrib.admin.models import LogEntry
    from django.contrib.contenttypes.models import ContentType

    content_type = ContentType.objects.get_for_model(model, for_concrete_model=True)
    user: Any = request.user
    told = {"user_id": user.pk, "content_type": content_type, "action_flag": action, "change_message": message}
    entries = [LogEntry(object_id=str(each.pk), object_repr=str(each)[:200], **told) for each in journeys]
    of_many = LogEntry(object_repr=str(model._meta.verbose_name_plural), **told)
    return list(LogEntry.objects.bulk_create(entries or [of_many]))
