"""Apps that only some of these tests need: installed in this process for as long, with their tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.test import override_settings


@contextmanager
def installed(*apps: str, blocker: Any, **others: Any) -> Iterator[None]:
    """Within the block these apps are in INSTALLED_APPS, and other settings are as given.

    Args:
        blocker: pytest-django's, which keeps fixtures from the database.
    """
    with override_settings(INSTALLED_APPS=[*settings.INSTALLED_APPS, *apps], **others):
        with blocker.unblock():
            call_command("migrate", verbosity=0)
        yield
