"""Celery: its app, and the three tasks as its users chain them. `celery -A benchmarks.queues.on_celery worker`.

BENCHMARK_BROKER        where the broker is
BENCHMARK_REUSE         how many tasks share a database connection: CELERY_DB_REUSE_MAX
BENCHMARK_PREFETCH      worker_prefetch_multiplier
"""

from __future__ import annotations

import os

import django
from celery import Celery, chain, shared_task
from django.apps import apps

from stepper_motor import ForwardScheduler
from stepper_motor.queues.celery import CeleryQueue

if not apps.ready:
    django.setup()

from benchmarks.queues.models import work, work_once

app = Celery("benchmarks", broker=os.environ.get("BENCHMARK_BROKER"))
app.conf.update(
    CELERY_DB_REUSE_MAX=int(os.environ.get("BENCHMARK_REUSE", "0")),
    worker_prefetch_multiplier=int(os.environ.get("BENCHMARK_PREFETCH", "1")),
    broker_connection_retry_on_startup=True,
)
app.autodiscover_tasks()


def scheduler() -> ForwardScheduler:
    return ForwardScheduler(CeleryQueue(app))


@shared_task
def reserve(order_id: int) -> None:
    work(order_id)


@shared_task
def charge(order_id: int) -> None:
    work(order_id)


@shared_task
def ship(order_id: int) -> None:
    work(order_id)


def start_bare(order_id: int) -> None:
    """A chain that keeps no state."""
    chain(reserve.si(order_id), charge.si(order_id), ship.si(order_id)).delay()


@shared_task(acks_late=True, reject_on_worker_lost=True)
def reserve_once(order_id: int) -> None:
    work_once(order_id, "new", "reserved")


@shared_task(acks_late=True, reject_on_worker_lost=True)
def charge_once(order_id: int) -> None:
    work_once(order_id, "reserved", "charged")


@shared_task(acks_late=True, reject_on_worker_lost=True)
def ship_once(order_id: int) -> None:
    work_once(order_id, "charged", "shipped")


def start_with_status(order_id: int) -> None:
    """A chain that keeps a status, and survives a worker that is killed, and a task that comes twice."""
    chain(reserve_once.si(order_id), charge_once.si(order_id), ship_once.si(order_id)).delay()
