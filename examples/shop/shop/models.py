"""What the shop knows: its customers, and what they did and were given."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from django.db import models

from shop.clock import now


class Customer(models.Model):
    name = models.CharField(max_length=100)
    email = models.EmailField(unique=True)
    joined_at = models.DateTimeField(default=now)
    subscription_lapses_at = models.DateTimeField(null=True, blank=True)
    deactivated_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name

    @property
    def has_left(self) -> bool:
        return self.deactivated_at is not None

    def deactivate(self) -> None:
        """Hides the customer from the shop's normal flows. Doing it twice changes nothing."""
        if not self.has_left:
            self.deactivated_at = now()
            self.save(update_fields=["deactivated_at"])

    def renew(self) -> None:
        """Adds a year to the subscription."""
        self.subscription_lapses_at = (self.subscription_lapses_at or now()) + timedelta(days=365)
        self.save(update_fields=["subscription_lapses_at"])

    def record(self, event: str, **properties: Any) -> Datapoint:
        """Keeps an analytics event about the customer."""
        return self.datapoints.create(event=event, properties=properties)


def random_token() -> str:
    return secrets.token_urlsafe(24)


class AuthToken(models.Model):
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="auth_tokens")
    token = models.CharField(max_length=64, unique=True, default=random_token)


class Datapoint(models.Model):
    """An analytics event about one customer: personal data, so it goes when the customer goes."""

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="datapoints")
    event = models.CharField(max_length=100)
    properties = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=now)


class Purchase(models.Model):
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="purchases")
    article = models.CharField(max_length=100)
    cents = models.PositiveIntegerField()
    created_at = models.DateTimeField(default=now)


class BonusProgram(models.Model):
    """A bonus once given. The books outlive the customer: it loses its owner, and stays."""

    class Kind(models.TextChoices):
        REENGAGEMENT = "reengagement"
        DISCOUNT = "discount"
        DOUBLE_DISCOUNT = "double discount"

    customer = models.ForeignKey(Customer, on_delete=models.SET_NULL, null=True, related_name="bonus_programs")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    created_at = models.DateTimeField(default=now)


class Payment(models.Model):
    """Money to be moved once. Accounts and amount are copied at the start: what the bank is asked never changes."""

    class Status(models.TextChoices):
        NEW = "new"
        COMPLETE = "complete"
        FAILED = "failed"

    sender = models.ForeignKey(Customer, on_delete=models.SET_NULL, null=True, related_name="payments")
    from_account = models.CharField(max_length=40)
    to_account = models.CharField(max_length=40)
    cents = models.PositiveIntegerField()
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.NEW)
    transfer_id = models.CharField(max_length=40, blank=True)
    """What the bank calls it, once the bank has taken it on."""
    created_at = models.DateTimeField(default=now)

    def __str__(self) -> str:
        return f"payment {self.pk} of {self.cents / 100:.2f}"

    def taken_on(self, transfer_id: str) -> None:
        """The bank has accepted the transfer and will tell what becomes of it."""
        self.transfer_id = transfer_id
        self.save(update_fields=["transfer_id"])

    def ended(self, status: Payment.Status) -> None:
        self.status = status
        self.save(update_fields=["status"])
