"""What happened, as data. Logic says it happened; a subscriber turns it into log lines, metrics or spans."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, fields

logger = logging.getLogger("stepper_motor")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened. `name` is a word of the list in the manual (docs/worker.md)."""

    name: str
    journey_type: str | None = None
    journey_id: object = None
    hero: str | None = None
    step: str | None = None
    attempt: int | None = None
    outcome: str | None = None
    state: str | None = None
    worker: str | None = None
    seconds: float | None = None
    count: int | None = None
    detail: str | None = None
    error: BaseException | None = None


Listener = Callable[[Event], None]


class Events:
    """Those who want to know. A listener that raises is reported and disturbs nobody."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = [log]

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Tell `listener` of everything from now on; returns a function that ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def is_heard(self, name: str) -> bool:
        """Whether anybody would do anything with an event of this name: performances ask, they are many."""
        listeners = len(self._listeners) + len(_everywhere)
        return listeners > 1 or logger.isEnabledFor(_LEVELS.get(name, logging.INFO))

    def tell(self, event: Event) -> None:
        for listener in (*self._listeners, *_everywhere):
            try:
                listener(event)
            except Exception:
                logger.exception("a listener of events raised", extra={"stepper_motor_event": event.name})


_everywhere: list[Listener] = []


def listen_everywhere(listener: Listener) -> Callable[[], None]:
    """Tell `listener` of what happens in every motor of this process, also those to come; returns what ends it."""
    _everywhere.append(listener)
    return lambda: _everywhere.remove(listener)


_LEVELS = {
    "failed": logging.ERROR,
    "hook_failed": logging.ERROR,
    "trouble": logging.ERROR,
    "lost": logging.WARNING,
    "recovered": logging.WARNING,
    "remark": logging.WARNING,
    "settled_by_another": logging.WARNING,
}
_TOLD = tuple(field.name for field in fields(Event) if field.name != "error")


def log(event: Event) -> None:
    """One line for one thing that happened, with its parts as structured `extra`."""
    level = _LEVELS.get(event.name, logging.INFO)
    if not logger.isEnabledFor(level):
        return
    extra = {f"stepper_motor_{name}": getattr(event, name) for name in _TOLD if getattr(event, name) is not None}
    error = event.error
    raised = (type(error), error, error.__traceback__) if error else None
    logger.log(level, _sentence(event), extra=extra, exc_info=raised)


def _sentence(event: Event) -> str:
    parts = [event.name]
    if event.journey_type:
        parts.append(f"{event.journey_type} {event.journey_id}")
    if event.step:
        parts.append(f"step {event.step}" + (f" (attempt {event.attempt})" if event.attempt else ""))
    if event.outcome:
        parts.append(f"-> {event.outcome}" + (f", {event.state}" if event.state else ""))
    if event.seconds is not None:
        parts.append(f"in {event.seconds:.3f} s")
    if event.count is not None:
        parts.append(str(event.count))
    if event.detail:
        parts.append(f"({event.detail})")
    return " ".join(parts)
