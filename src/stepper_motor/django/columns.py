"""The columns of a journey: the same in every table, and the same in every home."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from stepper_motor.django.fields import NameField, StateField
from stepper_motor.journeys.row import State


class Columns(models.Model):
    """What is kept of a journey. DESIGN 5 says what each is for; only the motor writes them, but for `data`."""

    id: Any = models.BigAutoField(primary_key=True)
    # Eight-byte columns first, then four, then text: PostgreSQL pads less, and a journey that sleeps stays small.
    next_step_to_be_performed_at = models.DateTimeField(_("due"), null=True, editable=False)
    arrived_at = models.DateTimeField(_("at this step since"), editable=False)
    created_at = models.DateTimeField(_("created"), editable=False)
    updated_at = models.DateTimeField(_("updated"), editable=False)
    lease_expires_at = models.DateTimeField(_("lease expires"), null=True, editable=False)
    ended_at = models.DateTimeField(_("ended"), null=True, editable=False)
    attempts = models.IntegerField(_("attempts"), default=0, editable=False)
    failures = models.IntegerField(_("failures"), default=0, editable=False)
    losses = models.IntegerField(_("losses"), default=0, editable=False)
    round = models.IntegerField(_("round"), default=0, editable=False)
    steps_entered = models.IntegerField(_("steps entered"), default=0, editable=False)
    steps_completed = models.IntegerField(_("steps completed"), default=0, editable=False)
    allow_multiple = models.BooleanField(_("allow multiple"), default=False)
    state = StateField(_("state"), max_length=10, choices=State.choices, default=State.READY.value, editable=False)
    fence = NameField(_("fence"), max_length=32, editable=False)
    type = NameField(_("type"), max_length=100, editable=False)
    hero_type = NameField(_("hero type"), max_length=100, null=True, blank=True)
    hero_id = NameField(_("hero"), max_length=200, null=True, blank=True)
    key = NameField(_("key"), max_length=100, default="", blank=True)
    next_step_name = NameField(_("next step"), max_length=200, null=True, editable=False)
    previous_step_name = NameField(_("previous step"), max_length=200, null=True, editable=False)
    performed_by = models.CharField(_("performed by"), max_length=100, null=True, editable=False)  # noqa: DJ001
    reason = models.TextField(_("reason"), null=True, editable=False)  # noqa: DJ001
    data: Any = models.JSONField(_("data"), default=dict, blank=True)

    class Meta:
        abstract = True
