"""The typed error of the one-per-hero rule, also where the app's own flush inserts the journey."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Dialect, event
from sqlalchemy.exc import IntegrityError

from stepper_motor.journeys.errors import AlreadyOnJourney
from stepper_motor.sqlalchemy.tables import ONE_PER_HERO


def raise_typed(dialect: Dialect) -> None:
    """Have the engine of this dialect raise AlreadyOnJourney where it would raise an IntegrityError of that rule.

    The dialect is asked, which holds the listeners: `event.contains()` goes by the identity of its target, and a new
    engine may get that of one that is gone.
    """
    if not event.contains(dialect, "handle_error", _translate):
        event.listen(dialect, "handle_error", _translate)


def is_conflict(error: BaseException) -> bool:
    """Whether a database refused a journey since its hero's place is taken."""
    return isinstance(error, IntegrityError) and ONE_PER_HERO in str(error.orig)


def _translate(context: Any) -> None:
    error = context.sqlalchemy_exception
    if error is not None and is_conflict(error):
        raise AlreadyOnJourney(
            "the hero is on another journey of this class and key: pass key= or allow_multiple=True, or start it by "
            "start(session, hero, on_conflict=...)"
        ) from error
