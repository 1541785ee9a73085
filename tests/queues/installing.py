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


@contextmanager
def procrastinate_installed(blocker: Any) -> Iterator[None]:
    """The same for Procrastinate, whose app can be made once in a process: here it is as in a new one."""
    from procrastinate.contrib.django import procrastinate_app

    before, procrastinate_app.current_app = procrastinate_app.current_app, procrastinate_app.FutureApp()
    try:
        with installed("procrastinate.contrib.django", blocker=blocker):
            yield
    finally:
        procrastinate_app.current_app = before
