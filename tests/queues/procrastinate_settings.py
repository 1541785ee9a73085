"""The settings of a worker process of Procrastinate's, as a Django project has them."""

from __future__ import annotations

from tests.queues.settings import *  # noqa: F403
from tests.queues.settings import INSTALLED_APPS


def tell_the_error_tracker(call_next, context, worker):
    """A middleware of Procrastinate's, for sync tasks."""
    try:
        return call_next()
    except Exception as error:
        from tests.queues.noting import report

        report(error)
        raise


INSTALLED_APPS = [*INSTALLED_APPS, "procrastinate.contrib.django"]
PROCRASTINATE_WORKER_DEFAULTS = {"task_middleware": [tell_the_error_tracker]}
LOGGING = {
    "version": 1,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "loggers": {"procrastinate": {"handlers": ["console"], "level": "INFO"}},
}
