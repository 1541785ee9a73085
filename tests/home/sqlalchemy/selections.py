"""Selections: the SELECTs of the tests, with what Django's querysets are asked in the same tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from sqlalchemy import Select, func, inspect, select, tuple_
from sqlalchemy.util import greenlet_spawn

from stepper_motor.journeys.journey import JourneyBase
from tests.home.sqlalchemy.committing import HomeSession, end
from tests.home.sqlalchemy.models import Payment, PaymentJourney
from tests.home.sqlalchemy.places import IS_ASYNC
from tests.home.sqlalchemy.sessions import ambient, fresh, session_of

BULK = {
    "pause": "pause_all", "cancel": "cancel_all", "resume": "resume_all", "skip": "skip_all",
    "reattempt": "reattempt_all", "reschedule": "reschedule_all", "jump_to": "jump_all_to", "finish": "finish_all",
}  # fmt: skip
POSITIONAL = {
    "pause": ("reason",),
    "cancel": ("reason",),
    "reattempt": ("wait",),
    "reschedule": ("at",),
    "jump_to": ("step", "wait"),
}
"""What each bulk verb takes by position in the tests."""


class Selection:
    """The records of a class that a SELECT finds."""

    def __init__(self, model: Any, chosen: Select[Any], inside: Any = None) -> None:
        self.model = model
        self.chosen = chosen
        self._inside = inside

    def _now(self, chosen: Select[Any]) -> Selection:
        return Selection(self.model, chosen, self._inside)

    def filter(self, **columns: Any) -> Selection:
        return self._now(self.chosen.filter_by(**columns))

    def order_by(self, column: str) -> Selection:
        attribute = getattr(self.model, column.lstrip("-"))
        return self._now(self.chosen.order_by(attribute.desc() if column.startswith("-") else attribute))

    def __getitem__(self, part: slice) -> Selection:
        sliced = self.chosen.offset(part.start) if part.start else self.chosen
        return self._now(sliced.limit(part.stop - (part.start or 0)))

    def __getattr__(self, name: str) -> Any:
        if name in BULK:
            return lambda *told, **options: self._all(name, *told, **options)
        if name.startswith("a") and name[1:] in BULK:
            return lambda *told, **options: self._await_all(name[1:], *told, **options)
        if name in ("ready", "performing", "paused", "canceled", "finished", "ongoing", "for_hero", "due", "lost"):
            return lambda *told: self._narrowed(getattr(self.model, name)(*told))
        raise AttributeError(name)

    def _narrowed(self, question: Select[Any]) -> Selection:
        return self._now(self.chosen.where(question.whereclause))

    def __iter__(self) -> Iterator[Any]:
        with reading(self._inside) as session:
            return iter(session.scalars(self.chosen).unique().all())

    def get(self) -> Any:
        (found,) = self
        return found

    def first(self) -> Any:
        return next(iter(self), None)

    def count(self) -> int:
        with reading(self._inside) as session:
            return int(session.scalar(select(func.count()).select_from(self.chosen.order_by(None).subquery())))

    def __contains__(self, record: Any) -> bool:
        return record in list(self)

    def _all(self, verb: str, *told: Any, **options: Any) -> Any:
        call = getattr(self.model, BULK[verb])
        options |= dict(zip(POSITIONAL.get(verb, ()), told, strict=False))
        return in_batches(self._inside, lambda session: call(session, self.chosen, **options))

    async def _await_all(self, verb: str, *told: Any, **options: Any) -> Any:
        call = getattr(self.model, f"a{BULK[verb]}")
        options |= dict(zip(POSITIONAL.get(verb, ()), told, strict=False))
        async with aby_batches(ambient()) as session:
            return await call(session.kept, self.chosen, **options)


@contextmanager
def reading(journey: Any) -> Iterator[Any]:
    """The session of the journey's step; without one, a fresh one, whose connection is given back."""
    if journey is not None:
        yield session_of(journey)
        return
    session = fresh()
    try:
        yield session
    finally:
        end(session)


@contextmanager
def by_batches(session: HomeSession) -> Iterator[HomeSession]:
    """For what commits by itself unless the session is in a transaction."""
    end(session)
    session.write(True)
    try:
        yield session
    finally:
        if session.in_transaction():
            session.rollback()
        session.write(False)


def in_batches(inside: Any, call: Any) -> Any:
    """Call what commits by itself, unless the session is in a transaction."""
    session = session_of(inside)
    if not isinstance(session, HomeSession) or session.writes:
        return call(session)
    with by_batches(session):
        return call(session)


@asynccontextmanager
async def aby_batches(session: HomeSession) -> AsyncIterator[HomeSession]:
    """Same as `by_batches`, except that it is for coroutines."""
    batches = by_batches(session)
    await greenlet_spawn(batches.__enter__)
    try:
        yield session
    finally:
        await greenlet_spawn(batches.__exit__, None, None, None)


# --------------------------------------------------------------------------------------------------------------- the words


def these(model: Any, *, inside: Any = None, **columns: Any) -> Selection:
    """A selection: the journeys or records of this class with these columns."""
    return Selection(model, select(model).filter_by(**columns), inside)


def among(model: Any, records: Sequence[Any], *, inside: Any = None) -> Selection:
    """The selection of these records."""
    keys = inspect(model).primary_key
    wanted = [inspect(record).identity for record in records]
    condition = keys[0].in_([key[0] for key in wanted]) if len(keys) == 1 else tuple_(*keys).in_(wanted)
    return Selection(model, select(model).where(condition), inside)


def none_of(model: Any) -> Selection:
    """A selection of nothing."""
    return Selection(model, select(model).where(False))


def joined(model: Any) -> Selection:
    """Journeys joined with what happened to them, payments with their journeys: each comes as often as there are."""
    if issubclass(model, JourneyBase):
        return Selection(model, select(model).join(model.history))
    return Selection(Payment, select(Payment).join(PaymentJourney, PaymentJourney.hero_id == Payment.id))


def heroes_on(cls: Any, model: Any) -> Selection:
    """The selection of the heroes that are on such a journey."""
    return Selection(model, select(model).where(cls.presence(model)))


def heroes_off(cls: Any, model: Any) -> Selection:
    return Selection(model, select(model).where(~cls.presence(model)))


def only(model: Any, *, inside: Any = None) -> Any:
    """A fresh object of the one there is."""
    return these(model, inside=inside).get()


def count(model: Any, *, inside: Any = None, **columns: Any) -> int:
    return these(model, inside=inside, **columns).count()


async def acount(model: Any, *, inside: Any) -> int:
    if not IS_ASYNC:  # where an async step has no session, and asks in one of its own
        return count(model)
    return int(await inside.session.scalar(select(func.count()).select_from(model)))


async def astart_for(cls: Any, heroes: Selection, **options: Any) -> int:
    async with aby_batches(ambient()) as session:
        return int(await cls.astart_for(session.kept, heroes.chosen, **options))


def start_for(cls: Any, heroes: Any, **options: Any) -> int:
    chosen = heroes.chosen if isinstance(heroes, Selection) else heroes
    return in_batches(None, lambda session: cls.start_for(session, chosen, **options))
