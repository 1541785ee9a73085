"""What the app stores: its users, and their journeys."""

from __future__ import annotations

from datetime import datetime

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import DateTime, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from stepper_motor.sqlalchemy import JourneyMixin


class Base(DeclarativeBase):
    pass


db = SQLAlchemy(model_class=Base)


class User(db.Model):
    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    email: Mapped[str] = mapped_column(String(200), unique=True)
    seen_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When the user was last here, after having registered."""
    left_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    def __str__(self) -> str:
        return self.name


class Journey(JourneyMixin[User], db.Model):
    """All journeys of the app are in one table: a new one is a class with steps, and needs no migration."""
