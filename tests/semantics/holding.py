"""Rows that somebody else's performance holds."""

from datetime import datetime
from typing import Any

from tests.home import put_behind


def hold(journey: Any, until: datetime, state: str = "performing") -> None:
    """As though a worker elsewhere performed it, under a lease until then; the object is not told."""
    put_behind(journey, state=state, performed_by="worker 1", lease_expires_at=until)
