"""Rows that somebody else's performance holds."""

from datetime import datetime
from typing import Any

from django.db import models


def hold(journey: Any, until: datetime, state: str = "performing") -> None:
    """As though a worker elsewhere performed it, under a lease until then; the object is not told."""
    held = {"state": state, "performed_by": "worker 1", "lease_expires_at": until}
    models.QuerySet.update(type(journey)._base_manager.filter(pk=journey.pk), **held)
