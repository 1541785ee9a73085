"""The tables of a root: indexes and constraints whose names follow the table, and the history beside it."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from stepper_motor.django.constraints import OnePerHero, PartialIndex
from stepper_motor.django.fields import NameField, StateField
from stepper_motor.journeys.row import State

ENGINE_CONSTRAINTS = ("_one_per_hero", "_ready_is_due", "_held_has_lease")
"""How the names of the engine's own constraints end."""


def table_meta(name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> dict[str, Any]:
    """The namespace of a root, with what its table needs in its Meta."""
    inherited = [base.Meta for base in bases if hasattr(base, "Meta")]
    given = namespace.get("Meta") or next(iter(inherited), None)
    prefix = _prefix(namespace.get("__module__", ""), name)
    hero = ("hero",) if _has_hero_column(bases, namespace) else ("hero_type", "hero_id")
    meta = {
        "indexes": [*getattr(given, "indexes", ()), *_indexes(prefix)],
        "constraints": [*getattr(given, "constraints", ()), *_constraints(prefix, hero)],
    }
    return {**without_hero_type(namespace), "Meta": type("Meta", (given,) if given else (), meta)}


def without_hero_type(namespace: dict[str, Any]) -> dict[str, Any]:
    """A real foreign key needs no type beside it, and its column is hero_id: Django is told to inherit neither."""
    return {**namespace, "hero_type": None} if _has_hero_column((), namespace) else namespace


def _has_hero_column(bases: tuple[type, ...], namespace: dict[str, Any]) -> bool:
    inherited = [field.name for base in bases if hasattr(base, "_meta") for field in base._meta.fields]
    return "hero" in inherited or isinstance(namespace.get("hero"), models.ForeignKey)


def _prefix(module: str, name: str) -> str:
    """Begins the names of a table's indexes: they are unique in a schema and have 30 characters at most."""
    if module == "stepper_motor.django.models":
        return "stepper_motor"
    return f"sm_{sha256(f'{module}.{name}'.encode()).hexdigest()[:8]}"


def _indexes(prefix: str) -> list[models.Index]:
    due = ["next_step_to_be_performed_at", "id"]
    ended = Q(state__in=[State.CANCELED.value, State.FINISHED.value])
    return [
        PartialIndex(name=f"{prefix}_due", fields=due, where=Q(state="ready"), elsewhere=["state", *due]),
        PartialIndex(
            name=f"{prefix}_held", fields=["id"], where=Q(performed_by__isnull=False), elsewhere=["performed_by"]
        ),
        PartialIndex(name=f"{prefix}_ended", fields=["ended_at"], where=ended, elsewhere=["ended_at"]),
    ]


def _constraints(prefix: str, hero: tuple[str, ...]) -> list[models.BaseConstraint]:
    due = ~Q(state="ready") | Q(next_step_to_be_performed_at__isnull=False)
    held = Q(performed_by__isnull=True, lease_expires_at__isnull=True) | Q(
        performed_by__isnull=False, lease_expires_at__isnull=False
    )
    return [
        OnePerHero(name=f"{prefix}_one_per_hero", hero=hero),
        models.CheckConstraint(name=f"{prefix}_ready_is_due", condition=due),
        models.CheckConstraint(name=f"{prefix}_held_has_lease", condition=held),
    ]


class AbstractHistoryEntry(models.Model):
    """One performance of a step, or one intervention from outside."""

    id = models.BigAutoField(primary_key=True)
    step_name = NameField(_("step"), max_length=200, null=True)
    attempt = models.PositiveIntegerField(_("attempt"), null=True)
    """Which attempt at the step, from 1; None for an intervention from outside."""
    outcome = models.CharField(_("outcome"), max_length=20)
    state = StateField(_("state"), max_length=10, choices=State.choices)
    """What the journey became."""
    reason = models.TextField(_("reason"), null=True)  # noqa: DJ001  # the same row serves SQLAlchemy: null is none
    error_class = models.CharField(_("error"), max_length=200, null=True)  # noqa: DJ001
    message = models.TextField(_("message"), null=True)  # noqa: DJ001
    traceback = models.TextField(_("traceback"), null=True)  # noqa: DJ001
    performed_by = models.CharField(_("by"), max_length=200, null=True)  # noqa: DJ001
    started_at = models.DateTimeField(_("started"), null=True)
    finished_at = models.DateTimeField(_("finished"))

    class Meta:
        abstract = True

    def __str__(self) -> str:
        attempt = f" (attempt {self.attempt})" if self.attempt else ""
        return f"{self.finished_at:%Y-%m-%d %H:%M:%S} {self.step_name}{attempt}: {self.outcome}, {self.state}"

    @property
    def by(self) -> str | None:
        """The worker that performed, or the person or process that intervened."""
        return self.performed_by


def history_model(root: Any) -> type[AbstractHistoryEntry]:
    """The history of a root's journeys: a table beside the root's."""
    meta = root._meta
    # No constraint in the database: the engine deletes both in one transaction, and a check for every entry would lock
    # the journey's row once more. Deleting through the ORM cascades.
    journey = models.ForeignKey(
        root, on_delete=models.CASCADE, related_name="history", db_constraint=False, db_index=False,
        verbose_name=_("journey"),
    )  # fmt: skip
    names = {"db_table": "stepper_motor_history"} if meta.db_table == "stepper_motor_journeys" else {}
    index = models.Index(fields=["journey", "id"], name=f"{_prefix(root.__module__, root.__name__)}_by_journey")
    inner = {
        "app_label": meta.app_label, "indexes": [index], "ordering": ["id"], "verbose_name": _("history entry"),
        "verbose_name_plural": _("history"), **names,
    }  # fmt: skip
    members = {"__module__": root.__module__, "journey": journey, "Meta": type("Meta", (), inner)}
    return type(f"{root.__name__}History", (AbstractHistoryEntry,), members)
