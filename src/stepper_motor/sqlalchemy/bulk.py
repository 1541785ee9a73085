"""One verb on many journeys: in batches, each decided under its lock, a commit for each batch."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session, scoped_session
from sqlalchemy.sql import Select

from stepper_motor.journeys.durations import duration
from stepper_motor.journeys.journey import HeroT, JourneyBase
from stepper_motor.journeys.policies import Reattempt
from stepper_motor.motor.bulk import added_up, share_of_spread, stands_at
from stepper_motor.motor.verbs import BulkResult
from stepper_motor.sqlalchemy.twins import awaited, plain

Progress = Callable[[BulkResult], object]
AnySession = Session | scoped_session[Any]
Selection = Select[Any] | None


class BulkVerbs(JourneyBase[HeroT]):
    """The verbs for all journeys that a SELECT finds; without one, for all of the class.

    In batches, each journey decided under its lock. A commit for each batch, unless the caller's session is in a
    transaction: then nothing is committed.
    """

    @classmethod
    def pause_all(
        cls, session: AnySession, selection: Selection = None, *, reason: str | None = None, by: object = None,
        progress: Progress | None = None,
    ) -> BulkResult:  # fmt: skip
        """Pause all of them."""
        return _all(cls, session, selection, "pause", progress, by=by, reason=reason)

    @classmethod
    def cancel_all(
        cls, session: AnySession, selection: Selection = None, *, reason: str | None = None, by: object = None,
        progress: Progress | None = None,
    ) -> BulkResult:  # fmt: skip
        """Cancel all of them."""
        return _all(cls, session, selection, "cancel", progress, by=by, reason=reason)

    @classmethod
    def resume_all(
        cls, session: AnySession, selection: Selection = None, *, spread: timedelta | float | None = None,
        reason: str | None = None, by: object = None, progress: Progress | None = None,
    ) -> BulkResult:  # fmt: skip
        """Resume all of them; `spread` lays the due times of those that are overdue evenly apart over this time."""
        return _all(cls, session, selection, "resume", progress, by=by, reason=reason, spread=spread)

    @classmethod
    def skip_all(
        cls, session: AnySession, selection: Selection = None, *, step: str, reason: str | None = None,
        by: object = None, progress: Progress | None = None,
    ) -> BulkResult:  # fmt: skip
        """Skip this step of all those that stand at it."""
        _check_step(cls, step)
        return _all(cls, session, selection, "skip", progress, at_step=step, by=by, reason=reason)

    @classmethod
    def reattempt_all(
        cls, session: AnySession, selection: Selection = None, *,
        wait: timedelta | int | float | Reattempt | None = None, at: datetime | None = None,
        spread: timedelta | float | None = None, reason: str | None = None, by: object = None,
        progress: Progress | None = None,
    ) -> BulkResult:  # fmt: skip
        """Reattempt the next step of all of them; `spread` lays the due times evenly apart."""
        return _all(cls, session, selection, "reattempt", progress,
                    wait=wait, at=at, by=by, reason=reason, spread=spread)  # fmt: skip

    @classmethod
    def reschedule_all(
        cls, session: AnySession, selection: Selection = None, *, at: datetime | None = None,
        reason: str | None = None, by: object = None, progress: Progress | None = None,
    ) -> BulkResult:  # fmt: skip
        """Set the due time of all of them, or work it out anew from today's definition."""
        return _all(cls, session, selection, "reschedule", progress, at=at, by=by, reason=reason)

    @classmethod
    def jump_all_to(
        cls, session: AnySession, selection: Selection = None, *, step: str | None = None,
        wait: timedelta | int | float | Reattempt | None = None, at: datetime | None = None,
        reason: str | None = None, by: object = None, progress: Progress | None = None,
    ) -> BulkResult:  # fmt: skip
        """Send all of them to a step (a ValueError if no class of theirs has it)."""
        if step is not None:
            _check_step(cls, step)
        return _all(cls, session, selection, "jump_to", progress, step=step, wait=wait, at=at, by=by, reason=reason)

    @classmethod
    def finish_all(
        cls, session: AnySession, selection: Selection = None, *, reason: str | None = None, by: object = None,
        progress: Progress | None = None,
    ) -> BulkResult:  # fmt: skip
        """Finish all of them."""
        return _all(cls, session, selection, "finish", progress, by=by, reason=reason)

    @classmethod
    async def apause_all(cls, session: AsyncSession, selection: Selection = None, **told: Any) -> BulkResult:
        """Same as `pause_all`, except that it is awaited and takes an AsyncSession. So do the following."""
        return await awaited(cls.pause_all, session, selection, **told)

    @classmethod
    async def acancel_all(cls, session: AsyncSession, selection: Selection = None, **told: Any) -> BulkResult:
        return await awaited(cls.cancel_all, session, selection, **told)

    @classmethod
    async def aresume_all(cls, session: AsyncSession, selection: Selection = None, **told: Any) -> BulkResult:
        return await awaited(cls.resume_all, session, selection, **told)

    @classmethod
    async def askip_all(cls, session: AsyncSession, selection: Selection = None, **told: Any) -> BulkResult:
        return await awaited(cls.skip_all, session, selection, **told)

    @classmethod
    async def areattempt_all(cls, session: AsyncSession, selection: Selection = None, **told: Any) -> BulkResult:
        return await awaited(cls.reattempt_all, session, selection, **told)

    @classmethod
    async def areschedule_all(cls, session: AsyncSession, selection: Selection = None, **told: Any) -> BulkResult:
        return await awaited(cls.reschedule_all, session, selection, **told)

    @classmethod
    async def ajump_all_to(cls, session: AsyncSession, selection: Selection = None, **told: Any) -> BulkResult:
        return await awaited(cls.jump_all_to, session, selection, **told)

    @classmethod
    async def afinish_all(cls, session: AsyncSession, selection: Selection = None, **told: Any) -> BulkResult:
        return await awaited(cls.finish_all, session, selection, **told)


def _all(
    cls: Any, given: AnySession, selection: Selection, verb: str, progress: Progress | None, *,
    at_step: str | None = None, spread: timedelta | float | None = None, **told: Any,
) -> BulkResult:  # fmt: skip
    """Call the verb on every journey of the selection.

    Args:
        at_step: pass over those that, when their turn comes, stand at another step than this one of their class.
        spread: lay the due times evenly apart over this time (seconds or a timedelta).
        told: the arguments of the verb.
    """
    from stepper_motor.sqlalchemy.finding import motor_of

    cls._check_when(told.get("wait"), told.get("at"))
    session = plain(given)
    commits = not session.in_transaction()
    motor = motor_of(cls, session)
    over = None if spread is None else duration(spread)
    keys = _keys(cls, session, selection)
    total = BulkResult(0, 0, 0)
    for start in range(0, len(keys), motor.settings.batch):
        batch = keys[start : start + motor.settings.batch]
        places = {key: (start + n) / len(keys) for n, key in enumerate(batch)}
        journeys = _load(cls, session, batch)
        meant = [journey for journey in journeys if at_step is None or stands_at(journey, at_step)]
        arguments = [share_of_spread(verb, journey, told, over and over * places[journey._id]) for journey in meant]
        done = motor.intervene_in_bulk(verb, meant, arguments)
        if commits:
            session.commit()
        moved_on, gone = len(journeys) - len(meant), len(batch) - len(journeys)
        total = added_up(total, done, BulkResult(0, moved_on, gone))
        if progress:
            progress(total)
    if commits and session.in_transaction():
        session.commit()
    return total


def _keys(cls: Any, session: Session, selection: Selection) -> list[Any]:
    key = getattr(cls, cls._root.key)
    chosen = select(cls) if selection is None else _checked(cls, selection)
    in_given_order = chosen._limit_clause is not None or chosen._offset_clause is not None
    narrowed = chosen.with_only_columns(key)
    return list(dict.fromkeys(session.scalars(narrowed if in_given_order else narrowed.order_by(None).order_by(key))))


def _checked(cls: Any, selection: Any) -> Select[Any]:
    """Refuse what would find other rows than it says: a SELECT of anything else would be joined with all journeys.

    Raises:
        ValueError: it is no SELECT of this class, or of one derived from it, itself.
    """
    described = selection.column_descriptions if isinstance(selection, Select) else []
    found = described[0]["expr"] if len(described) == 1 else None
    if not (isinstance(found, type) and issubclass(found, cls)):
        raise ValueError(
            f"the bulk verbs of {cls.__name__} take a SELECT of it, such as select({cls.__name__}).where(...), got "
            f"{selection!r:.200}"
        )
    return selection  # type: ignore[no-any-return]


def _load(cls: Any, session: Session, batch: list[Any]) -> list[Any]:
    """The journeys of the batch that still exist, in its order, as they are now."""
    root = cls._root
    statement = select(root.cls).where(root.key_column.in_(batch)).execution_options(populate_existing=True)
    found = {journey._id: journey for journey in session.scalars(statement).unique()}
    return [found[key] for key in batch if key in found]


def _check_step(cls: Any, step: str) -> None:
    """Whether one of the classes that are meant has such a step, by its name of today or a former one.

    Raises:
        ValueError: none has.
    """
    if not any(each.steps.find(step) for each in cls._root.journeys if issubclass(each, cls)):
        raise ValueError(f"no {cls.__name__} that this code knows has a step {step!r}")
