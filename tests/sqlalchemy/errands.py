"""Journeys that the worker processes of these tests perform. What they did stands in the diary, and in `Note`."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta

from sqlalchemy import String, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from stepper_motor import Reattempt, step
from stepper_motor.sqlalchemy import JourneyMixin
from tests import databases
from tests.worker import diary

LEASE = timedelta(seconds=2)
SLEEP_FOR_EVER = {"postgresql": "SELECT pg_sleep(60)", "mariadb": "SELECT SLEEP(60)"}.get(databases.chosen(), "")
"""A statement that a cancelled step leaves in the middle."""


class Base(DeclarativeBase):
    pass


class Person(Base):
    __tablename__ = "people"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))


class Note(Base):
    """Written by a step, through its session."""

    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    journey_id: Mapped[int]
    word: Mapped[str] = mapped_column(String(100))


class Journey(JourneyMixin[Person], Base):
    def tell(self, word):
        diary.write(self.id, word)

    def note(self, word):
        self.session.add(Note(journey_id=self.id, word=word))

    async def pass_gate(self, name="gate"):
        while not diary.is_open(name):
            await asyncio.sleep(0.02)


AGAIN = Reattempt(wait=0.2, backoff=1)


class Short(Journey):
    """Three steps that are over at once; the second is due by itself, so that it does not run on."""

    on_exception = AGAIN

    @step
    def one(self):
        self.tell("one")
        self.note("one")

    @step(wait=0.05)
    def two(self):
        self.tell("two")
        self.note("two")

    @step
    def three(self):
        self.tell("three")
        self.note("three")


class ShortAsync(Journey):
    on_exception = AGAIN

    @step
    async def one(self):
        self.tell("one")
        self.note("one")

    @step(wait=0.05)
    async def two(self):
        self.tell("two")
        self.note("two")
        await self.session.commit()

    @step
    async def three(self):
        self.tell("three")
        self.note("three")
        await asyncio.sleep(0.01)


class Gated(Journey):
    """Held at the gate in its first attempt only; a later one passes."""

    lease = LEASE

    @step
    def hold(self):
        self.tell("began")
        if self.attempts == 0:
            diary.pass_gate()
        self.data["held"] = True
        self.note("held")
        self.tell("ended")

    @step
    def go_on(self):
        self.tell("went on")


class GatedAsync(Journey):
    lease = LEASE

    @step
    async def hold(self):
        self.tell("began")
        try:
            if self.attempts == 0:
                await self.pass_gate()
        except asyncio.CancelledError:
            self.tell("cancelled")
            raise
        self.data["held"] = True
        self.note("held")
        self.tell("ended")

    @step
    async def go_on(self):
        self.tell("went on")


class Atomic(Journey):
    """Held at the gate after it has written, in its first attempt: the second finds nothing of that."""

    lease = LEASE

    @step(atomic=True)
    def write(self):
        self.note("written")
        self.session.flush()
        self.tell("wrote")
        if self.attempts == 0:
            diary.pass_gate()


class AtomicAsync(Journey):
    lease = LEASE

    @step(atomic=True)
    async def write(self):
        self.note("written")
        await self.session.flush()
        self.tell("wrote")
        if self.attempts == 0:
            await self.pass_gate()


class Bidden(Journey):
    """Its step runs until its own gate is opened, then does as it was told in `data`."""

    def after_cancel(self):
        self.tell("after_cancel")

    def after_pause(self):
        self.tell("after_pause")

    @step
    def act(self):
        self.tell("began")
        diary.pass_gate(f"gate {self.id}")
        self.tell("ended")
        does = self.data.get("does")
        if does == "raise":
            raise RuntimeError("as told")
        if does:
            getattr(self, does)()

    @step
    def rest(self):
        self.tell("rested")


class BiddenAsync(Journey):
    def after_cancel(self):
        self.tell("after_cancel")

    async def after_pause(self):
        self.tell("after_pause")

    @step
    async def act(self):
        self.tell("began")
        await self.pass_gate(f"gate {self.id}")
        self.tell("ended")
        does = self.data.get("does")
        if does == "raise":
            raise RuntimeError("as told")
        if does:
            getattr(self, does)()

    @step
    async def rest(self):
        self.tell("rested")


class Blocking(Journey):
    """Keeps its event loop busy for longer than its lease."""

    lease = 1

    @step
    async def block(self):
        self.tell("began")
        threading.Event().wait(2.5)
        self.note("blocked")
        await self.session.commit()


class Late(Journey):
    """Takes longer than it may, and cleans up slowly when it is cancelled."""

    @step(timeout=0.3)
    async def dawdle(self):
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.3)
            self.note("cleaned up")
            await self.session.commit()
            self.tell("cleaned up")


class LateInAQuery(Journey):
    """Is cancelled while it waits for the database."""

    on_exception = "cancel"

    @step(timeout=0.3)
    async def ask(self):
        await self.session.execute(text(SLEEP_FOR_EVER))


def of(driver, cls):
    """The class, or the one of the same kind whose steps are awaited."""
    return cls if driver == "sync" else globals()[f"{cls.__name__}Async"]
