"""What a type checker sees of an app on SQLAlchemy: mypy --strict and pyright must agree with every `assert_type`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import assert_type

from sqlalchemy import String, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from stepper_motor import Outcome, Reattempt, State, cancel_if, step
from stepper_motor.journeys.journey import HeroT
from stepper_motor.sqlalchemy import JourneyMixin


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "typed_users"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    left: Mapped[bool] = mapped_column(default=False)


class Journey(JourneyMixin[HeroT], Base):
    __tablename__ = "typed_journeys"


class Welcome(Journey[User]):
    on_exception = Reattempt(wait=timedelta(seconds=30), max_attempts=3, then="cancel")

    @cancel_if
    def hero_left(self) -> bool:
        assert_type(self.hero, User)
        return self.hero.left

    @step
    def greet(self, loudly: bool = False) -> str:
        return f"{self.hero.name}, {loudly}"

    @step(wait=timedelta(days=2), skip_if="hero_left")
    async def remind(self) -> Outcome:
        if self.attempts > 3:
            return self.skip()
        return self.reattempt(wait=30)


def starts(session: Session, user: User) -> None:
    journey = Welcome.start(session, user)
    assert_type(journey, Welcome)
    assert_type(journey.hero, User)
    assert_type(Welcome.start(session, user, on_conflict="ignore"), Welcome | None)
    assert_type(journey.greet(loudly=True), str)
    assert_type(journey.state, State)
    assert_type(journey.pause("a reason", by="somebody"), Outcome)
    assert_type(session.scalars(select(Welcome)).all(), Sequence[Welcome])
    assert_type(session.scalars(Welcome.for_hero(user)).all(), Sequence[Welcome])
    assert_type(session.scalars(select(User).where(~Welcome.presence(User))).all(), Sequence[User])
    for entry in journey.history:
        assert_type(entry.outcome, str)


async def awaits(session: AsyncSession, user: User) -> None:
    journey = await Welcome.astart(session, user)
    assert_type(journey, Welcome)
    assert_type(await journey.ahero(), User)
    assert_type(await journey.apause("a reason", by="somebody"), Outcome)
    assert_type(await journey.aperform_next_step(), Outcome | None)
    await journey.remind()
