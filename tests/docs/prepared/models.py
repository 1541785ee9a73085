"""Heroes, and the table of the journeys."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from service.database import Base
from stepper_motor.journeys.journey import HeroT
from stepper_motor.sqlalchemy import JourneyMixin


class Customer(Base):
    __tablename__ = "customers"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    email: Mapped[str] = mapped_column(String(200), default="")
    deactivated: Mapped[bool] = mapped_column(default=False)


class Payment(Base):
    __tablename__ = "payments"

    id: Mapped[int] = mapped_column(primary_key=True)
    amount: Mapped[int]
    state: Mapped[str] = mapped_column(String(20), default="new")


class Journey(JourneyMixin[HeroT], Base):
    pass
