"""Heroes of every kind of key, a journey with a table of its own, and journeys that tell what they do."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, DateTime, ForeignKey, Numeric, String, inspect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from stepper_motor import step
from stepper_motor.sqlalchemy import JourneyMixin
from tests.home.sqlalchemy.committing import Committing


class Base(DeclarativeBase):
    """Two objects of one row are equal, as in Django: the tests hold each in a session of its own."""

    def __eq__(self, other: object) -> bool:
        key = inspect(self).key
        return self is other or (isinstance(other, Base) and key is not None and key == inspect(other).key)

    def __hash__(self) -> int:
        return hash(inspect(self).mapper.base_mapper)


class Customer(Base):
    __tablename__ = "customers"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    email: Mapped[str] = mapped_column(String(100), default="")
    deactivated: Mapped[bool] = mapped_column(default=False)

    def __str__(self) -> str:
        return self.name


class Account(Base):
    __tablename__ = "accounts"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    name: Mapped[str] = mapped_column(String(100), default="")


class Country(Base):
    __tablename__ = "countries"

    code: Mapped[str] = mapped_column(String(2), primary_key=True)


class Profile(Base):
    """Its key is a relation."""

    __tablename__ = "profiles"

    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), primary_key=True)
    customer: Mapped[Customer] = relationship()


class OrderLine(Base):
    __tablename__ = "order_lines"

    order_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    line: Mapped[str] = mapped_column(String(10), primary_key=True)


class Payment(Base):
    __tablename__ = "payments"

    id: Mapped[int] = mapped_column(primary_key=True)
    amount: Mapped[Decimal] = mapped_column(Numeric(12, 2), default=0)
    state: Mapped[str] = mapped_column(String(20), default="new")


class Spy(Base):
    """What steps did, told through the database."""

    __tablename__ = "spies"

    id: Mapped[int] = mapped_column(primary_key=True)
    journey_id: Mapped[str] = mapped_column(String(50), default="")
    word: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=lambda: datetime.now(UTC))


class Journey(Committing, JourneyMixin, Base): ...


class PaymentJourney(Committing, JourneyMixin, Base):
    """A table of its own: a real foreign key, columns of its own, a UUID key."""

    __tablename__ = "payment_journeys"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    hero_id: Mapped[int | None] = mapped_column(ForeignKey("payments.id"))
    hero: Mapped[Payment | None] = relationship()
    amount: Mapped[Decimal] = mapped_column(Numeric(12, 2), default=0)
    notes: Mapped[list[Any]] = mapped_column(JSON(none_as_null=True), default=list)

    @step
    def initiate(self) -> None:
        self.amount = self.hero.amount
        self.notes.append("initiated")
        self.hero.state = "initiated"

    @step(wait=30)
    def confirm(self) -> None:
        self.notes.append("confirmed")
        self.hero.state = "confirmed"


class ThreeSteps(Journey):
    """Three steps, due at once."""

    @step
    def one(self) -> None:
        self.session.add(Spy(word="one"))

    @step
    def two(self) -> None:
        self.session.add(Spy(word="two"))

    @step
    def three(self) -> None:
        self.session.add(Spy(word="three"))


class Drip(Journey):
    @step
    def welcome(self) -> None:
        self.session.add(Spy(word="welcome"))

    @step(wait=timedelta(days=2))
    def remind(self) -> None:
        self.session.add(Spy(word="remind"))

    @step(wait=timedelta(days=30))
    def farewell(self) -> None:
        self.session.add(Spy(word="farewell"))
