"""Journeys made up at random: their steps, and what the bodies and conditions of the steps do.

Everything is drawn from seeded generators, so that a journey can be made up again, in another home, to the letter. What
the bodies do is drawn as they run: two homes in which another body runs, or in another order, part ways at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from random import Random
from typing import Any

from stepper_motor import (
    Canceled,
    Completed,
    Failed,
    Finished,
    Jumped,
    Outcome,
    Paused,
    Reattempt,
    Reattempted,
    Skipped,
    cancel_if,
    not_,
    now,
    step,
)

NAMES = ("pack", "größe \U0001f680", "ship", "bill", "remind")
REASONS = ("why not", "NUL \0 and \ud800", "ß" * 600, "", None, "\U0001f468‍\U0001f469‍\U0001f467 it's 50 % \\")
SPANS = (0, 0.000_001, 1, 30, timedelta(minutes=11), timedelta(days=2))


class ConnectionRefused(Exception):
    """Raised by bodies; the policies of some steps know it."""


class Script:
    """What the code of the journey under way does, and what it has said."""

    def __init__(self) -> None:
        self.begin(0, lambda verb, **told: None)

    def begin(self, seed: int, intervene: Callable[..., Any]) -> None:
        """From here on everything is drawn anew; `intervene` is how a body's code reaches its own row from outside."""
        self.random = Random(f"script {seed}")
        self.intervene = intervene
        self.said: list[str] = []

    def one_in(self, number: int) -> bool:
        return self.random.randrange(number) == 0

    def say(self, words: str) -> None:
        self.said.append(words)


script = Script()


def itinerary(number: int) -> dict[str, Any]:
    """The members of a journey class; the same for the same number."""
    random = Random(f"itinerary {number}")
    members: dict[str, Any] = {
        f"step_{place}": _step(random, name, place) for place, name in enumerate(NAMES[: random.randint(1, 5)])
    }
    members["on_exception"] = _policy(random)
    members["if_lost"] = random.choice(["reattempt", "pause", "skip", "cancel"])
    members["lease"] = random.choice([None, 5, 90])
    members["may_proceed_without_hero"] = random.random() < 0.3
    if random.random() < 0.4:
        members["hero_left"] = cancel_if(lambda journey: script.one_in(15))
    members |= {name: hook for name, hook in HOOKS.items() if random.random() < 0.4}
    return members


def _step(random: Random, name: str, place: int) -> Any:
    options: dict[str, Any] = {"name": name}
    body = random.choice([_sync, _sync, _sync, _async])
    options |= random.choice([{}, {}, {"wait": random.choice(SPANS)}, {"wait": _wait}, {"at": _at}, {"after": _wait}])
    options |= random.choice([{}, {}, {}, {"skip_if": _rarely}, {"only_if": not_(_rarely)}, {"skip_if": _async_rarely}])
    options |= random.choice([{}, {}, {"on_exception": _policy(random)}])
    options |= random.choice([{}, {}, {"if_lost": random.choice(["reattempt", "pause", "skip", "cancel"])}])
    options |= random.choice([{}, {}, {}, {"atomic": True}])
    options |= random.choice([{}, {}, {"formerly": (f"once {place}",)}])
    return step(body, **options)


def _policy(random: Random) -> Any:
    back_off = Reattempt(
        wait=random.choice([0, 10]), backoff=2, jitter=0, max_attempts=random.choice([1, 2, 4, None]),
        then=random.choice(["pause", "cancel"]),
    )  # fmt: skip
    known = {ConnectionRefused: back_off, LookupError: random.choice(["skip", "cancel"])}
    return random.choice(["pause", "cancel", "skip", back_off, back_off, known, _handler])


def _handler(journey: Any, error: BaseException) -> Any:
    return _leave(journey, "handler")


def _rarely(journey: Any) -> bool:
    return script.one_in(6)


async def _async_rarely(journey: Any) -> bool:
    await asyncio.sleep(0)
    return _rarely(journey)


def _wait(journey: Any) -> Any:
    if script.one_in(12):
        raise ConnectionRefused("nobody tells how long")
    return script.random.choice(SPANS)


def _at(journey: Any) -> Any:
    return now() + timedelta(seconds=script.random.choice([-5, 0, 3600]))


def _sync(journey: Any) -> Any:
    # Not in an atomic step: on SQLite it is the one writer, and others would wait for it.
    if not journey._inside.step.atomic and script.one_in(5):
        _from_outside()
    return _leave(journey, "body")


async def _async(journey: Any) -> Any:
    await asyncio.sleep(0)
    return _leave(journey, "async body")


def _from_outside() -> None:
    """Somebody pauses or cancels the journey while its step runs; some resume it."""
    verb = script.random.choice(["pause", "pause", "cancel"])
    script.say(f"{verb} meanwhile: {script.intervene(verb, reason=script.random.choice(REASONS), by='Grace')}")
    if script.one_in(2):
        script.say(f"resume meanwhile: {script.intervene('resume', by='Grace')}")


def _leave(journey: Any, where: str) -> Any:
    """Change something or not, then end in one of all the ways in which a body may end."""
    script.say(f"{where} of {journey._row.next_step_name}, attempts {journey.attempts}, round {journey.round}")
    if script.one_in(2):
        journey.data.setdefault("notes", []).append([script.random.randrange(100), "ä\U0001f680", 1.5, None])
    ways = COMMON if script.one_in(2) else RARE
    return script.random.choice(ways)(journey)


def _raise(error: BaseException) -> Any:
    raise error


def _reason() -> str | None:
    return script.random.choice(REASONS)


def _span() -> Any:
    return script.random.choice(SPANS)


def _name(journey: Any) -> str:
    return script.random.choice(list(journey.steps.names))


COMMON: list[Callable[[Any], Any]] = [
    lambda journey: None,
    lambda journey: Completed(),
    lambda journey: {"ignored": True},
]
RARE: list[Callable[[Any], Any]] = [
    lambda journey: journey.skip(),
    lambda journey: Skipped(),
    lambda journey: journey.reattempt(),
    lambda journey: journey.reattempt(_span(), reason=_reason()),
    lambda journey: journey.reattempt(at=now() + timedelta(hours=1)),
    lambda journey: Reattempted(wait=Reattempt(wait=7, jitter=0)),
    lambda journey: journey.jump_to(_name(journey)),
    lambda journey: Jumped(_name(journey), wait=_span()),
    lambda journey: journey.pause(_reason()),
    lambda journey: Paused(_reason()),
    lambda journey: journey.cancel(_reason()),
    lambda journey: Canceled(_reason()),
    lambda journey: journey.finish(),
    lambda journey: Finished(),
    lambda journey: _raise(ConnectionRefused(f"no answer {_reason()}")),
    lambda journey: _raise(KeyError("card")),
    lambda journey: _raise(ValueError("ß" * 3000)),
    lambda journey: _raise(ExceptionGroup("two", [KeyError("a"), KeyError("b")])),
    lambda journey: _raise(ExceptionGroup("two", [KeyError("a"), ConnectionRefused()])),
    lambda journey: journey.reattempt(-1),
    lambda journey: journey.jump_to("nowhere"),
    lambda journey: Failed(ValueError(), Paused()),
]


def _before_step_starts(journey: Any, step: Any) -> None:
    script.say(f"before {step}")
    if script.one_in(15):
        _leave(journey, "hook")


@contextmanager
def _around_step(journey: Any, step: Any) -> Iterator[None]:
    script.say(f"into {step}")
    yield
    script.say(f"out of {step}")


def _after_step_ends(journey: Any, step: Any, outcome: Outcome) -> None:
    script.say(f"after {step}: {outcome.name}")
    if script.one_in(15):
        raise ConnectionRefused("after the step")


def _after(what: str) -> Callable[[Any], None]:
    def hook(journey: Any) -> None:
        script.say(f"{what} at {journey._row.next_step_name}")
        if script.one_in(8):
            raise ConnectionRefused(f"in the hook {what}")

    return hook


HOOKS: dict[str, Any] = {
    "before_step_starts": _before_step_starts,
    "around_step": _around_step,
    "after_step_ends": _after_step_ends,
    "after_finish": _after("after_finish"),
    "after_cancel": _after("after_cancel"),
    "after_pause": _after("after_pause"),
}
