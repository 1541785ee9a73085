"""The journey as a mapped class of the app's own."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, cast, overload

from sqlalchemy import event, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, Mapper, Session, object_session, scoped_session
from sqlalchemy.orm.attributes import flag_modified, set_committed_value
from sqlalchemy.sql import Select
from sqlalchemy.sql.elements import ColumnElement

from stepper_motor.journeys.durations import given_time
from stepper_motor.journeys.errors import InvalidState, StepperMotorError
from stepper_motor.journeys.journey import HeroT, JourneyBase
from stepper_motor.journeys.outcomes import Outcome
from stepper_motor.journeys.row import ONGOING, State
from stepper_motor.motor import clock
from stepper_motor.sqlalchemy import heroes, starting
from stepper_motor.sqlalchemy.answers import Answers
from stepper_motor.sqlalchemy.bulk import BulkVerbs
from stepper_motor.sqlalchemy.columns import ENGINE_COLUMNS
from stepper_motor.sqlalchemy.roots import ENTRIES, become_root, define_journey, root_of
from stepper_motor.sqlalchemy.start_for import start_for
from stepper_motor.sqlalchemy.store import load_heroes
from stepper_motor.sqlalchemy.tables import HistoryEntry
from stepper_motor.sqlalchemy.twins import asynchronous, asynchronous_verb, awaited, plain
from stepper_motor.sqlalchemy.unmapped import becomes_root, check_shares_table, give_columns, give_identity

AnySession = Session | scoped_session[Any]
VERBS_FOR = {
    "state": "pause(), resume(), cancel() or finish()",
    "next_step_name": "jump_to() or skip()",
    "previous_step_name": "jump_to() or skip()",
    "next_step_to_be_performed_at": "reschedule() or reattempt()",
    "ended_at": "cancel() or finish()",
}
"""What to use instead of setting a column of the engine's by hand."""


class _History:
    """The entries, oldest first. On the class, the relationship, as in `selectinload(Journey.history)`."""

    def __get__(self, journey: Any, cls: Any) -> Any:
        if journey is None:
            return getattr(cls, ENTRIES)
        if journey._visit:
            journey._visit.open()
        return getattr(journey, ENTRIES)


class JourneyMixin(Answers[HeroT], BulkVerbs[HeroT]):
    """Makes journeys of a mapped class: `class Journey(JourneyMixin, Base)`. Derive your journeys from that.

    A class that mixes it in with a `__tablename__` of its own has a table of its own: columns of yours, and `hero` a
    relationship if you declare it.
    """

    if TYPE_CHECKING:
        id: Mapped[Any]
        type: Mapped[str]
        state: Mapped[State]
        reason: Mapped[str | None]
        hero_type: Mapped[str | None]
        hero_id: Mapped[Any]
        key: Mapped[str]
        allow_multiple: Mapped[bool]
        previous_step_name: Mapped[str | None]
        next_step_name: Mapped[str | None]
        next_step_to_be_performed_at: Mapped[datetime | None]
        attempts: Mapped[int]
        failures: Mapped[int]
        losses: Mapped[int]
        round: Mapped[int]
        steps_entered: Mapped[int]
        steps_completed: Mapped[int]
        fence: Mapped[str]
        arrived_at: Mapped[datetime]
        lease_expires_at: Mapped[datetime | None]
        performed_by: Mapped[str | None]
        data: Mapped[Any]
        created_at: Mapped[datetime]
        updated_at: Mapped[datetime]
        ended_at: Mapped[datetime | None]
        history: Mapped[list[HistoryEntry]]
        History: ClassVar[builtins.type[HistoryEntry]]

    else:
        history = _History()

    def __init_subclass__(cls, **options: Any) -> None:
        if becomes_root(cls):
            give_columns(cls)
            options = _without_init(cls, options)
        elif root_of(cls) is not None and "__abstract__" not in vars(cls):
            check_shares_table(cls)
            give_identity(cls)
            options = _without_init(cls, options)
        super().__init_subclass__(**options)

    def __init__(self, hero: HeroT | None = None, **columns: Any) -> None:
        """A journey that departs when it is inserted.

        Args:
            columns: `data`, `key`, `allow_multiple`, and columns of your own.
        """
        given = columns if hero is None else {"hero": hero, **columns}
        for name, value in given.items():
            if not hasattr(type(self), name):
                raise TypeError(f"{type(self).__name__} has no column {name!r}")
            setattr(self, name, value)

    def __repr__(self) -> str:
        identity, kept = self._state.identity, self.__dict__.get("type")
        name = kept if kept is not None and self._root.journeys.find(kept) is None else type(self).__name__
        return f"<{name} {identity[0] if identity else 'not started'}>"

    # --------------------------------------------------------------------------------------------- starting

    @classmethod
    @overload
    def start(
        cls, session: AnySession, hero: HeroT | None = None, *, data: Any = None, key: str = "",
        at: datetime | None = None, allow_multiple: bool = False,
        on_conflict: Literal["raise", "existing", "replace"] = "raise", **fields: Any,
    ) -> Self: ...  # fmt: skip
    @classmethod
    @overload
    def start(
        cls, session: AnySession, hero: HeroT | None = None, *, on_conflict: Literal["ignore"], data: Any = None,
        key: str = "", at: datetime | None = None, allow_multiple: bool = False, **fields: Any,
    ) -> Self | None: ...  # fmt: skip
    @classmethod
    def start(cls, session: AnySession, hero: HeroT | None = None, **options: Any) -> Self | None:
        """Start a journey for `hero`, in the session's transaction: see `stepper_motor.sqlalchemy.starting.start`."""
        plain_session = plain(session, f"await {cls.__name__}.astart(session, ...)")
        return cast("Self | None", starting.start(cls, plain_session, hero, **options))

    @classmethod
    @overload
    async def astart(
        cls, session: AsyncSession, hero: HeroT | None = None, *, data: Any = None, key: str = "",
        at: datetime | None = None, allow_multiple: bool = False,
        on_conflict: Literal["raise", "existing", "replace"] = "raise", **fields: Any,
    ) -> Self: ...  # fmt: skip
    @classmethod
    @overload
    async def astart(
        cls, session: AsyncSession, hero: HeroT | None = None, *, on_conflict: Literal["ignore"], data: Any = None,
        key: str = "", at: datetime | None = None, allow_multiple: bool = False, **fields: Any,
    ) -> Self | None: ...  # fmt: skip
    @classmethod
    async def astart(cls, session: AsyncSession, hero: HeroT | None = None, **options: Any) -> Self | None:
        """Same as `start`, except that it is awaited and takes an AsyncSession."""
        return cast("Self | None", await awaited(cls.start, session, hero, **options))

    @classmethod
    def start_for(cls, session: AnySession, heroes: Select[Any], **options: Any) -> int:
        """Start one journey for each hero that has none: see `stepper_motor.sqlalchemy.start_for.start_for`."""
        return start_for(cls, plain(session, f"await {cls.__name__}.astart_for(session, ...)"), heroes, **options)

    @classmethod
    async def astart_for(cls, session: AsyncSession, heroes: Select[Any], **options: Any) -> int:
        """Same as `start_for`, except that it is awaited and takes an AsyncSession."""
        return await awaited(cls.start_for, session, heroes, **options)

    @classmethod
    def presence(cls, model: builtins.type[Any]) -> ColumnElement[bool]:
        """EXISTS for the heroes that are on such a journey now: `select(User).where(~Signup.presence(User))`."""
        return cast("ColumnElement[bool]", starting.presence(cls, model))

    # ---------------------------------------------------------------------------------------------- queries

    @classmethod
    def ready(cls) -> Select[Self]:
        """SELECT the ready ones. As with all of these, narrow it with `.where(...)`."""
        return select(cls).where(cls.state == State.READY)

    @classmethod
    def performing(cls) -> Select[Self]:
        return select(cls).where(cls.state == State.PERFORMING)

    @classmethod
    def paused(cls) -> Select[Self]:
        return select(cls).where(cls.state == State.PAUSED)

    @classmethod
    def canceled(cls) -> Select[Self]:
        return select(cls).where(cls.state == State.CANCELED)

    @classmethod
    def finished(cls) -> Select[Self]:
        return select(cls).where(cls.state == State.FINISHED)

    @classmethod
    def ongoing(cls) -> Select[Self]:
        """Ready, performing or paused: those that take their hero's place."""
        return select(cls).where(cls.state.in_(sorted(ONGOING)))

    @classmethod
    def for_hero(cls, hero: Any) -> Select[Self]:
        """All journeys of this hero; with None, those without one."""
        column = getattr(cls, cls._root.hero_key)
        if hero is None:
            return select(cls).where(column.is_(None))
        if cls._root.has_hero_column:
            return select(cls).where(cast("Any", cls).hero == hero)
        hero_id = heroes.key_of(hero)
        if hero_id is None:
            raise ValueError(f"the hero {hero!r} has no primary key yet: flush it first")
        return select(cls).where(cls.hero_type == heroes.type_of(type(hero)), column == hero_id)

    @classmethod
    def due(cls, at: datetime | None = None) -> Select[Self]:
        """Ready, and due at this time (aware; now by default)."""
        moment = clock.now() if at is None else given_time(at)
        return cls.ready().where(cls.next_step_to_be_performed_at <= moment)

    @classmethod
    def lost(cls) -> Select[Self]:
        """Held by a performer whose lease is over; recovery takes them within seconds."""
        return select(cls).where(cls.performed_by.is_not(None), cls.lease_expires_at <= clock.now())

    # ------------------------------------------------------------------------------------------------- hero

    if not TYPE_CHECKING:

        @property
        def hero(self) -> Any:
            """The record the journey happens to; None when there is none, or its record is gone."""
            if self._visit:
                self._visit.open()
            if not self._hero_read:
                self._hero = self._fetch_hero()
                self._hero_read = True
            return self._hero

        @hero.setter
        def hero(self, hero: Any) -> None:
            self.hero_type = None if hero is None else heroes.type_of(type(hero))
            self.hero_id = None if hero is None else heroes.key_of(hero)
            self._hero, self._hero_read = hero, True

    async def ahero(self) -> HeroT:
        """The hero, read without blocking the event loop."""
        read = asynchronous(lambda: self.hero)
        return await read()

    @classmethod
    def preload_heroes(cls, session: AnySession, journeys: Iterable[JourneyMixin[Any]]) -> None:
        """Read the heroes of these journeys, with one query for each kind of hero."""
        plain_session = plain(session, f"await {cls.__name__}.apreload_heroes(session, ...)")
        load_heroes(cls._root, [each for each in journeys if not each._hero_read], plain_session)

    @classmethod
    async def apreload_heroes(cls, session: AsyncSession, journeys: Iterable[JourneyMixin[Any]]) -> None:
        """Same as `preload_heroes`, except that it is awaited and takes an AsyncSession."""
        await awaited(cls.preload_heroes, session, journeys)

    # ---------------------------------------------------------------------------------------------- session

    @property
    def session(self) -> Any:
        """In a step, its session: a Session in a sync step, an AsyncSession in an async one.

        What the step leaves open is committed when it ends normally or by a verb, and rolled back when it raises.
        Elsewhere it is the session that the journey is in, or None.

        Raises:
            StepperMotorError: in an async step, when the motor has no async_sessionmaker.
        """
        if self._visit is None:
            return object_session(cast("Any", self))
        return self._visit.session_for_caller()

    def save(self) -> None:
        """Inside a step, a checkpoint: `data` and columns of your own are written at once, as long as the performance
        holds the journey. Elsewhere: flush them, changes deep inside `data` too.

        Raises:
            InvalidState: this performance does not hold the journey any more.
            StepperMotorError: a column of the engine's was changed by hand; the message names the verb.
        """
        if self._inside and self._inside.holder:
            refuse_changes_by_hand(self)
            own = self._changed()
            if own and not self._visit.store.checkpoint(self, own):
                raise InvalidState("save", self.state, "this performance does not hold the journey any more")
            return self._keep(own)
        session = self._own_session
        if session is None:
            raise StepperMotorError(f"{self!r} belongs to no session: session.add() it first")
        if "data" in self.__dict__:
            flag_modified(self, "data")
        session.flush()
        return None

    # ---------------------------------------------------------------------------------------------- knowledge

    def has_completed(self, step: str) -> bool:
        """Whether the step, under this or a former name, ever ended normally in this journey."""
        known, entry = self.steps.find(step), self._root.history
        names = [known.name, *known.formerly] if known else [step]
        told = select(entry.id).where(
            entry.journey_id == self._id, entry.step_name.in_(names), entry.outcome == "completed",
            entry.attempt.is_not(None),
        )  # fmt: skip
        return cast("Session", self._own_session).execute(told.limit(1)).first() is not None

    async def ahistory(self) -> Sequence[HistoryEntry]:
        """The history, read without blocking the event loop."""
        read = asynchronous(lambda: self.history)
        return cast("Sequence[HistoryEntry]", await read())

    apause = asynchronous_verb(JourneyBase.pause)
    aresume = asynchronous_verb(JourneyBase.resume)
    acancel = asynchronous_verb(JourneyBase.cancel)
    askip = asynchronous_verb(JourneyBase.skip)
    areattempt = asynchronous_verb(JourneyBase.reattempt)
    areschedule = asynchronous_verb(JourneyBase.reschedule)
    ajump_to = asynchronous_verb(JourneyBase.jump_to)
    afinish = asynchronous_verb(JourneyBase.finish)
    ahas_completed = asynchronous(has_completed)

    async def aperform_next_step(self, fence: str | None = None) -> Outcome | None:
        """Same as `perform_next_step`, except that it is awaited; the step runs in a thread."""
        return await self._motor.perform_awaited(self, fence)

    async def asave(self) -> None:
        """Same as `save`, except that it is awaited."""
        visit = self._visit
        if visit is None:
            await asynchronous(self.save)()
        else:
            await visit.store.in_its_thread(self.save)


def _without_init(cls: Any, options: dict[str, Any]) -> dict[str, Any]:
    """On a base whose classes are dataclasses: keep the constructor of journeys."""
    from sqlalchemy.orm import MappedAsDataclass

    return {"init": False, "repr": False, "eq": False, **options} if issubclass(cls, MappedAsDataclass) else options


def refuse_changes_by_hand(journey: Any) -> None:
    """Raises StepperMotorError if a column of the engine's was set."""
    changed = journey._state.committed_state
    for name in ENGINE_COLUMNS & changed.keys() - set(journey._root.own):
        if changed[name] != journey.__dict__.get(name):
            verb = VERBS_FOR.get(name)
            instead = f"use {verb}" if verb else "leave it as it is"
            raise StepperMotorError(f"{name} is the engine's column and was changed by hand: {instead}")


# ------------------------------------------------------------------------------------------ heard from the mapper


@event.listens_for(JourneyMixin, "after_mapper_constructed", propagate=True)
def _mapped(mapper: Mapper[Any], cls: Any) -> None:
    root = root_of(cls)
    if root is None or mapper.inherits is None:
        become_root(cls, mapper)
        define_journey(cls, is_type=False)
        return
    try:
        define_journey(cls, is_type=True)
    except BaseException:
        mapper.polymorphic_map.pop(mapper.polymorphic_identity, None)
        raise


@event.listens_for(JourneyMixin, "refresh", propagate=True)
def _refreshed(journey: Any, context: Any, names: Iterable[str] | None) -> None:
    """What was read again is what a step goes on with."""
    if not journey._root.has_hero_column:
        journey._hero, journey._hero_read = None, False
    if journey._inside:
        journey._keep(journey._root.columns if names is None else names)


@event.listens_for(JourneyMixin, "before_update", propagate=True)
def _before_update(mapper: Mapper[Any], connection: Any, journey: Any) -> None:
    _leave_updated_at(journey)
    refuse_changes_by_hand(journey)


def _leave_updated_at(journey: Any) -> None:
    """Some apps set `updated_at` of whatever they flush (advanced-alchemy does): nobody did so by hand."""
    changed = journey._state.committed_state
    if "updated_at" not in changed:
        return
    if isinstance(changed["updated_at"], datetime):
        set_committed_value(journey, "updated_at", changed["updated_at"])
    else:  # it was not loaded
        cast("Session", object_session(journey)).expire(journey, ["updated_at"])


@event.listens_for(JourneyMixin, "after_delete", propagate=True)
def _after_delete(mapper: Mapper[Any], connection: Any, journey: Any) -> None:
    history = journey._root.history.__table__
    connection.execute(history.delete().where(history.c.journey_id == journey._id))


event.listen(JourneyMixin, "before_insert", starting.before_insert, propagate=True)
event.listen(JourneyMixin, "after_insert", starting.after_insert, propagate=True)
