"""The Django home: `from stepper_motor.django import Journey`, and "stepper_motor.django" in INSTALLED_APPS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stepper_motor.django.engine import motor
    from stepper_motor.django.managers import JourneyManager, JourneyQuerySet
    from stepper_motor.django.models import AbstractJourney, Journey

__all__ = ["AbstractJourney", "Journey", "JourneyManager", "JourneyQuerySet", "motor"]


def __getattr__(name: str) -> Any:
    # Models can't be imported while Django loads its apps, and this package is one of them.
    if name in ("Journey", "AbstractJourney"):
        from stepper_motor.django import models

        return getattr(models, name)
    if name in ("JourneyManager", "JourneyQuerySet"):
        from stepper_motor.django import managers

        return getattr(managers, name)
    if name == "motor":
        from stepper_motor.django.engine import motor

        return motor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
