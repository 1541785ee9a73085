"""What every step and every task does, and what a careful chain by hand keeps."""

from __future__ import annotations

from django.db import models, transaction
from django.db.models import F

STEPS = 3


class Order(models.Model):  # noqa: DJ008 - nobody looks at one
    """The hero of the journey. `status` is for the chain that keeps one."""

    worked = models.IntegerField(default=0)
    status = models.CharField(max_length=20, default="new")


def work(order_id: int) -> None:
    """One UPDATE, the same for all."""
    Order.objects.filter(pk=order_id).update(worked=F("worked") + 1)


def work_once(order_id: int, before: str, after: str) -> bool:
    """The work and the status that tells of it, in one transaction; False if a task that was delivered twice finds it
    done."""
    with transaction.atomic():
        if not Order.objects.filter(pk=order_id, status=before).update(status=after):
            return False
        work(order_id)
    return True
