"""django-tasks-db: the three tasks, each of which enqueues the next one."""

from __future__ import annotations

from django.db import transaction

from benchmarks.queues.models import work, work_once
from stepper_motor import ForwardScheduler
from stepper_motor.queues.django_tasks import DjangoTasksQueue, task


def scheduler() -> ForwardScheduler:
    return ForwardScheduler(DjangoTasksQueue())


@task()
def reserve(order_id: int) -> None:
    with transaction.atomic():
        work(order_id)
        charge.enqueue(order_id)


@task()
def charge(order_id: int) -> None:
    with transaction.atomic():
        work(order_id)
        ship.enqueue(order_id)


@task()
def ship(order_id: int) -> None:
    work(order_id)


def start_bare(order_id: int) -> None:
    """A chain whose only state is the task that waits."""
    reserve.enqueue(order_id)


@task()
def reserve_once(order_id: int) -> None:
    with transaction.atomic():
        if work_once(order_id, "new", "reserved"):
            charge_once.enqueue(order_id)


@task()
def charge_once(order_id: int) -> None:
    with transaction.atomic():
        if work_once(order_id, "reserved", "charged"):
            ship_once.enqueue(order_id)


@task()
def ship_once(order_id: int) -> None:
    work_once(order_id, "charged", "shipped")


def start_with_status(order_id: int) -> None:
    """A chain that keeps a status, and works once if a task is run twice."""
    reserve_once.enqueue(order_id)
