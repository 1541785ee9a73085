"""Declarative bases of every kind that apps have, each with a hero and journeys on it.

No `from __future__ import annotations` here: SQLAlchemy reads the annotations of classes that are made in functions.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Optional
from uuid import UUID, uuid4

import pytest
from sqlalchemy import ForeignKey, MetaData, String
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    MappedAsDataclass,
    declarative_base,
    mapped_column,
    registry,
    relationship,
)

from stepper_motor import cancel_if, step
from stepper_motor.sqlalchemy import JourneyMixin

CONVENTION = {
    "ix": "ix_%(column_0_label)s", "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s", "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}  # fmt: skip


@dataclass
class App:
    """What an app defines on its base."""

    User: Any
    Journey: Any
    Signup: Any
    Payment: Any
    """A journey with a table of its own."""
    Refund: Any
    """One derived from it."""
    heroes: tuple[Any, ...] = ()
    """What the motor has to be told."""


@cache
def app(kind: str) -> App:
    """The app on a base of this kind: an app defines its classes once."""
    return BASES[kind]()


def app_on(base: Any, user: Any = None) -> App:
    """The classes of an app on this base."""
    user = user or plain_user(base)
    key = user.__table__.c.id.type.python_type

    class Journey(JourneyMixin, base): ...

    return App(user, Journey, signup(Journey), *payments(base, user, key))


def plain_user(base: Any) -> Any:
    class User(base):
        __tablename__ = "users"

        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str] = mapped_column(String(50))

    return User


def signup(journey: Any) -> Any:
    """A journey whose steps and conditions come from a mixin, an abstract class and itself."""

    class Greeting:
        @step
        def greet(self):
            self.data["greeted"] = self.hero.name

    class Cautious(journey):
        __abstract__ = True

        @cancel_if
        def hero_is_unwelcome(self):
            return self.hero.name == "Unwelcome"

    class Signup(Greeting, Cautious):
        @step
        def rename(self):
            self.hero.name += "!"

    return Signup


def payments(base: Any, user: Any, key: Any) -> Any:
    class Payment(JourneyMixin, base):
        __tablename__ = "payments"

        hero_id: Mapped[Optional[key]] = mapped_column(ForeignKey(user.__table__.c.id))  # noqa: UP045
        hero: Mapped[Optional[user]] = relationship()  # noqa: UP045
        amount: Mapped[int] = mapped_column(default=0)

        @step
        def pay(self):
            self.amount += 1
            self.data["payer"] = self.hero.name

    class Refund(Payment):
        @step
        def refund(self):
            self.amount -= 1

    return Payment, Refund


# ------------------------------------------------------------------------------------------------------------ the bases


def declarative() -> App:
    class Base(DeclarativeBase): ...

    return app_on(Base)


def with_a_naming_convention() -> App:
    class Base(DeclarativeBase):
        metadata = MetaData(naming_convention=CONVENTION)

    return app_on(Base)


def with_uuids() -> App:
    """Every table of this base has such a key, those of the journeys too."""

    class Base(DeclarativeBase):
        id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)

    class User(Base):
        __tablename__ = "users"

        name: Mapped[str] = mapped_column(String(50))

    return app_on(Base, User)


def made_by_declarative_base() -> App:
    return app_on(declarative_base())


def made_by_a_registry() -> App:
    return app_on(registry().generate_base())


def decorated() -> App:
    """No base at all: each class is decorated, and says what its table is called."""
    mapped = registry().mapped

    @mapped
    class User:
        __tablename__ = "users"

        id = mapped_column(String(10), primary_key=True)
        name = mapped_column(String(50))

        def __init__(self, name):
            self.id, self.name = name.lower(), name

    @mapped
    class Journey(JourneyMixin):
        __tablename__ = "stepper_motor_journeys"

    @mapped
    class Signup(Journey):
        @step
        def greet(self):
            self.data["greeted"] = self.hero.name

        @step
        def rename(self):
            self.hero.name += "!"

    @mapped
    class Payment(JourneyMixin):
        __tablename__ = "payments"

        hero_id = mapped_column(ForeignKey("users.id"))
        hero = relationship(User)
        amount: Mapped[int] = mapped_column(default=0)

        @step
        def pay(self):
            self.amount += 1
            self.data["payer"] = self.hero.name

    @mapped
    class Refund(Payment):
        @step
        def refund(self):
            self.amount -= 1

    return App(User, Journey, Signup, Payment, Refund)


def of_dataclasses() -> App:
    class Base(MappedAsDataclass, DeclarativeBase): ...

    return app_on(Base, _dataclass_user(Base))


def of_keyword_dataclasses() -> App:
    class Base(MappedAsDataclass, DeclarativeBase, kw_only=True, repr=False): ...

    return app_on(Base, _dataclass_user(Base))


def _dataclass_user(base: Any) -> Any:
    class User(base):
        __tablename__ = "users"

        id: Mapped[int] = mapped_column(primary_key=True, init=False)
        name: Mapped[str] = mapped_column(String(50))

    return User


def flask_sqlalchemy() -> App:
    module = pytest.importorskip("flask_sqlalchemy")
    return app_on(module.SQLAlchemy().Model)


def flask_sqlalchemy_with_a_declarative_base() -> App:
    module = pytest.importorskip("flask_sqlalchemy")

    class Base(DeclarativeBase): ...

    return app_on(module.SQLAlchemy(model_class=Base).Model)


def on_the_registry_of_sqlmodel() -> App:
    """Its models are known beside the journeys, as those of one base are."""
    module = pytest.importorskip("sqlmodel")

    module.SQLModel.metadata.clear()  # there is one in a process, and what others declared is theirs

    class Base(DeclarativeBase):
        registry = module.SQLModel._sa_registry
        metadata = module.SQLModel.metadata

    return app_on(Base, _sqlmodel_user(module.SQLModel))


def on_the_metadata_of_sqlmodel() -> App:
    """Tables alone are shared: whose heroes they are has to be said to the motor."""
    module = pytest.importorskip("sqlmodel")

    class Models(module.SQLModel, registry=registry()): ...

    class Base(DeclarativeBase):
        metadata = Models.metadata

    user = _sqlmodel_user(Models)
    return replace(app_on(Base, user), heroes=(user,))


def _sqlmodel_user(models: Any) -> Any:
    from sqlmodel import Field

    class User(models, table=True):
        __tablename__ = "users"

        id: int | None = Field(default=None, primary_key=True)
        name: str = Field(max_length=50)

    return User


def advanced_alchemy(name: str) -> Callable[[], App]:
    def make() -> App:
        base = getattr(pytest.importorskip("advanced_alchemy.base"), name)

        class Base(base):
            __abstract__ = True
            metadata = MetaData()

        class User(Base):
            __tablename__ = "users"

            name: Mapped[str] = mapped_column(String(50))

        return app_on(Base, User)

    return make


BASES: dict[str, Callable[[], App]] = {
    "a DeclarativeBase": declarative,
    "a naming convention": with_a_naming_convention,
    "UUIDs": with_uuids,
    "declarative_base()": made_by_declarative_base,
    "generate_base()": made_by_a_registry,
    "@registry.mapped": decorated,
    "dataclasses": of_dataclasses,
    "dataclasses with keywords": of_keyword_dataclasses,
    "Flask-SQLAlchemy": flask_sqlalchemy,
    "Flask-SQLAlchemy with a DeclarativeBase": flask_sqlalchemy_with_a_declarative_base,
    "the registry of SQLModel": on_the_registry_of_sqlmodel,
    "the metadata of SQLModel": on_the_metadata_of_sqlmodel,
    "UUIDBase": advanced_alchemy("UUIDBase"),
    "UUIDAuditBase": advanced_alchemy("UUIDAuditBase"),
    "UUIDv7Base": advanced_alchemy("UUIDv7Base"),
    "BigIntBase": advanced_alchemy("BigIntBase"),
    "BigIntAuditBase": advanced_alchemy("BigIntAuditBase"),
    "IdentityBase": advanced_alchemy("IdentityBase"),
}
