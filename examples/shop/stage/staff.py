"""Who is at work beside the play: processes that perform the steps, and what else a set-up needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Command = tuple[str, ...]
"""Arguments for Python. In them, {name} is the name of the process and {folder} where the shop writes."""


@dataclass(frozen=True)
class Staff:
    worker: Command
    workers: int
    hands: int
    """How many steps a worker performs at once."""
    beside: Mapping[str, Command] = field(default_factory=dict)
    """What performs no steps, by its name."""


BUILT_IN = Staff(
    worker=("manage.py", "stepper_motor", "worker", "--processes", "1", "--concurrency", "4"),
    workers=2,
    hands=4,
)
CELERY = Staff(
    worker=("-m", "celery", "-A", "project", "worker", "--concurrency", "4", "--loglevel", "INFO", "-n", "{name}@%h"),
    workers=2,
    hands=4,
    beside={"beat": ("-m", "celery", "-A", "project", "beat", "--schedule", "{folder}/beat-schedule")},
)
DJANGO_TASKS = Staff(
    # An idle one looks once a second, if not told otherwise: once a day, in a shop that lives a day a second.
    worker=("manage.py", "db_worker", "--interval", "0.1"),
    workers=4,
    hands=1,
    beside={"sweeper": ("manage.py", "stepper_motor", "worker", "--dispatch-only")},
)

STAFF = {None: BUILT_IN, "celery": CELERY, "django-tasks": DJANGO_TASKS}
"""By the queue that hands them the steps."""
