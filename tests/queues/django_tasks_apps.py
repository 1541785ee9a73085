"""What an error tracker hears of Django's tasks: the signal that says that one has ended; or what RQ tells of a job."""

from __future__ import annotations

from django.apps import AppConfig

from tests.queues.noting import report
from tests.worker import diary


class ErrorsAreTold(AppConfig):
    name = "tests.queues.django_tasks_apps"
    label = "errors_are_told"

    def ready(self):
        # Each backend sends the signal of the framework it is written for, whichever Django there is.
        for signals in _signals():
            signals.task_finished.connect(tell_the_error_tracker)


def tell_the_error_tracker(task_result, **_):
    for error in task_result.errors:
        diary.write("queue", f"reported {error.traceback.strip().splitlines()[-1]}")


def tell_of_a_job(job, kind, error, traceback):
    """A handler of RQ's (whose tasks have not been told of their error yet when their signal is sent)."""
    report(error)
    return True


def _signals():
    try:
        from django.tasks import signals

        yield signals
    except ImportError:
        pass
    try:
        from django_tasks import signals

        yield signals
    except ImportError:
        pass
