"""What is no app, broker or queue of a job system is refused where it is given, with what it should be."""

import importlib

import pytest
from celery import Celery
from dramatiq.brokers.stub import StubBroker
from huey import MemoryHuey
from taskiq import InMemoryBroker

pytestmark = pytest.mark.pure

WRONG = [
    ("celery", "CeleryQueue", ("redis://",), {}, "app must be a Celery app, got 'redis://'"),
    ("rq", "RQQueue", ("default",), {}, "queue must be a queue of RQ's, such as .*, got 'default'"),
    ("dramatiq", "DramatiqQueue", ("redis://",), {}, "broker must be a broker of Dramatiq's, got 'redis://'"),
    ("dramatiq", "DramatiqQueue", (StubBroker(),), {"queues": "mails"}, "queues must be a list of names, got 'mails'"),
    ("dramatiq", "DramatiqQueue", (StubBroker(),), {"queues": ["mails", 5]}, "queues must be a list of names"),
    ("dramatiq", "DramatiqQueue", (StubBroker(),), {"queues": 5}, "queues must be a list of names, got 5"),
    ("dramatiq", "DramatiqQueue", (StubBroker(),), {"queue": 5}, "queue must be a name, got 5"),
    ("huey", "HueyQueue", ("default",), {}, "huey must be a Huey, got 'default'"),
    ("huey", "HueyQueue", (MemoryHuey(), "default"), {}, "huey must be a Huey, got 'default'"),
    ("huey", "HueyQueue", (MemoryHuey(),), {"sweep": 60}, r"sweep must be what crontab\(\) gives, .* got 60"),
    ("huey", "HueyQueue", (MemoryHuey(), MemoryHuey()), {}, "each Huey needs a name of its own, got huey, huey"),
    ("celery", "CeleryQueue", (), {"priority": 300}, "priority must be from 0 to 255, got 300"),
    ("celery", "CeleryQueue", (), {"headers": {"a": object()}}, "headers must have texts for names, and values"),
    ("celery", "CeleryQueue", (), {"headers": {1: "a"}}, "headers must have texts for names, and values"),
    ("taskiq", "TaskiqQueue", (InMemoryBroker(),), {"priority": -1}, "priority must be from 0 to 255, got -1"),
    ("taskiq", "TaskiqQueue", (InMemoryBroker(),), {"max_delay": "long"}, "max_delay must be a timedelta or a number"),
    ("procrastinate", "ProcrastinateQueue", ("app",), {}, "app must be an app of Procrastinate's, got 'app'"),
    ("procrastinate", "ProcrastinateQueue", (), {"sweep": "often"}, "sweep must be as cron has it, .* got 'often'"),
    ("procrastinate", "ProcrastinateQueue", (), {"sweep": 10}, "sweep must be as cron has it, .* got 10"),
    ("procrastinate", "ProcrastinateQueue", (), {"same_database": "x"}, "same_database must be True or False"),
    ("taskiq", "TaskiqQueue", (Celery(set_as_current=False),), {}, "broker must be a broker of taskiq's"),
    ("taskiq", "TaskiqQueue", (InMemoryBroker(),), {"source": "x"}, "source must be a schedule source of taskiq's"),
    ("django_tasks", "DjangoTasksQueue", (7,), {}, "backend must be the alias of a backend in TASKS, got 7"),
]


@pytest.mark.parametrize(("module", "name", "given", "options", "message"), WRONG)
def test_it_is_refused(module, name, given, options, message):
    queue = getattr(importlib.import_module(f"stepper_motor.queues.{module}"), name)
    with pytest.raises((TypeError, ValueError), match=message):
        queue(*given, **options)
