"""What a journey class may declare, and what an app's code that changed does to its rows.

No `from __future__ import annotations` here: SQLAlchemy reads the annotations of classes that are made in functions.
"""

import gc
from datetime import UTC, datetime
from typing import Optional

import pytest
from sqlalchemy import ForeignKey, LargeBinary, event, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column, relationship, sessionmaker

from stepper_motor import DefinitionError, State, StepperMotorError, step
from stepper_motor.motor.survey import unknown_positions
from stepper_motor.sqlalchemy import JourneyMixin, Motor
from tests.sqlalchemy.app import engine
from tests.sqlalchemy.bases import app, plain_user

pytestmark = pytest.mark.filterwarnings("ignore:This declarative base already contains a class")


class Defined:
    """A base, a hero and a root, new for each test."""

    def __init__(self):
        class Base(DeclarativeBase): ...

        class Journey(JourneyMixin, Base): ...

        self.Base, self.Journey, self.User = Base, Journey, plain_user(Base)


@pytest.fixture
def it():
    return Defined()


@pytest.fixture
def database():
    with engine() as made:
        yield made


def sessions_for(it, database):
    it.Base.metadata.create_all(database)
    return sessionmaker(database)


# ------------------------------------------------------------------------------------------------------ a shared table


def test_a_class_that_shares_its_table_has_no_columns_of_its_own(it):
    with pytest.raises(DefinitionError, match=r"Signup declares the columns amount, .* keep values in self\.data"):

        class Signup(it.Journey):
            amount: Mapped[int] = mapped_column()


def test_nor_does_what_it_mixes_in(it):
    class Priced:
        amount: Mapped[int] = mapped_column()

    class Abstract(it.Journey):
        __abstract__ = True
        price: Mapped[int]

    with pytest.raises(DefinitionError, match="Signup declares the columns amount"):

        class Signup(Priced, it.Journey): ...

    with pytest.raises(DefinitionError, match="Order declares the columns price"):

        class Order(Abstract): ...


def test_nor_relationships(it):
    with pytest.raises(DefinitionError, match="Signup declares the columns friends"):

        class Signup(it.Journey):
            friends = relationship(it.User, primaryjoin=lambda: it.User.id == 1, viewonly=True)


def test_a_class_that_shares_its_table_has_no_tablename(it):
    with pytest.raises(DefinitionError, match="Signup has a __tablename__, but shares the table of Journey: derive it"):

        class Signup(it.Journey):
            __tablename__ = "signups"


def test_a_class_that_was_refused_leaves_nothing_behind(it):
    for _ in range(2):
        with pytest.raises(DefinitionError, match=r"Signup\.history hides history"):

            class Signup(it.Journey):
                @step
                def history(self): ...

    class Signup(it.Journey):
        @step
        def begin(self): ...

    gc.collect()
    assert it.Journey._root.journeys.types == ["Signup"]
    assert [mapper.class_ for mapper in it.Journey.__mapper__.self_and_descendants] == [it.Journey, Signup]


# --------------------------------------------------------------------------------------------------- a table of its own


def test_the_columns_of_the_engine_cannot_be_declared(it):
    with pytest.raises(DefinitionError, match=r"Payment\.state is a column of the engine's: call yours otherwise"):

        class Payment(JourneyMixin, it.Base):
            __tablename__ = "payments"
            state: Mapped[str]


def test_but_a_mixin_may_have_some_of_the_same_name():
    """An audit's `created_at` gives way to the journey's."""
    audited = app("UUIDAuditBase")
    names = {column.name: column.type for column in audited.User.__table__.columns}
    assert type(audited.Journey.__table__.c.created_at.type) is not type(names["created_at"])
    assert type(audited.Journey.__table__.c.created_at.type) is type(audited.Journey.__table__.c.arrived_at.type)


def test_a_foreign_key_to_a_hero_needs_a_hero(it):
    with pytest.raises(DefinitionError, match="Payment declares hero_id, but no hero"):

        class Payment(JourneyMixin, it.Base):
            __tablename__ = "payments"
            hero_id: Mapped[int] = mapped_column(ForeignKey("users.id"))


def test_of_several_foreign_keys_that_to_the_hero_is_called_hero_id(it):
    with pytest.raises(DefinitionError, match="call the foreign key to its hero hero_id"):

        class Payment(JourneyMixin, it.Base):
            __tablename__ = "payments"
            payer_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
            payee_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
            hero: Mapped[it.User] = relationship(foreign_keys=[payer_id])


@pytest.mark.parametrize("order", ["before", "behind"])
def test_a_mixin_may_bring_the_hero_whatever_the_order_of_the_bases(it, order, database):
    class OfAUser:
        @declared_attr
        def hero_id(cls) -> Mapped[Optional[int]]:  # noqa: UP045
            return mapped_column(ForeignKey("users.id"))

        @declared_attr
        def hero(cls) -> Mapped[it.User]:
            return relationship(it.User)

    bases = (OfAUser, JourneyMixin) if order == "before" else (JourneyMixin, OfAUser)

    class Payment(*bases, it.Base):
        __tablename__ = "payments"

        @step
        def pay(self):
            self.data["payer"] = self.hero.name

    sessions = sessions_for(it, database)
    motor = Motor(sessions, journeys=Payment)
    with sessions() as session:
        payment = Payment.start(session, it.User(name="Ada"))
        session.commit()
        payment.perform_next_step()
        assert (payment.data, payment.hero_id) == ({"payer": "Ada"}, payment.hero.id)
    motor.close()


def test_the_primary_key_has_one_column(it):
    with pytest.raises(DefinitionError, match="the primary key of a journey has one column"):

        class Payment(JourneyMixin, it.Base):
            __tablename__ = "payments"
            shop: Mapped[int] = mapped_column(primary_key=True)
            number: Mapped[int] = mapped_column(primary_key=True)


def test_the_primary_key_may_have_another_name(it, database):
    class Payment(JourneyMixin, it.Base):
        __tablename__ = "payments"
        number: Mapped[int] = mapped_column(primary_key=True)

        @step
        def pay(self): ...

    sessions = sessions_for(it, database)
    motor = Motor(sessions, journeys=Payment)
    with sessions() as session:
        payment = Payment.start(session)
        session.commit()
        motor.worker().run(once=True)
        session.refresh(payment)
        assert (payment.state, len(payment.history), repr(payment)) == (
            State.FINISHED,
            1,
            f"<Payment {payment.number}>",
        )
    motor.close()


@pytest.mark.only_on("sqlite")
def test_a_key_of_bytes_is_refused_where_the_motor_first_needs_it(it, database):
    class Payment(JourneyMixin, it.Base):
        __tablename__ = "payments"
        id: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)

        @step
        def pay(self): ...

    motor = Motor(sessions_for(it, database), journeys=Payment)
    with pytest.raises(
        DefinitionError, match=r"payments\.id is kept as bytes by sqlite: give the journeys a key that is"
    ):
        motor.store_of(Payment._root)


# --------------------------------------------------------------------------------------------------- types and reloads


def test_two_classes_cannot_have_one_type_name(it):
    class Signup(it.Journey):
        type_name = "signup"

        @step
        def begin(self): ...

    with pytest.raises(DefinitionError, match="both have the type name 'signup': set type_name on one of them"):

        class OldSignup(it.Journey):
            type_name = "signup"

            @step
            def begin(self): ...


def test_a_class_that_is_defined_again_replaces_the_earlier(it, database):
    def define():
        class Signup(it.Journey):
            @step
            def begin(self): ...

        return Signup

    define()
    again = define()
    sessions = sessions_for(it, database)
    Motor(sessions, journeys=it.Journey)
    with sessions() as session:
        again.start(session)
        session.commit()
        session.expunge_all()
        assert type(session.scalars(select(it.Journey)).one()) is again


class Removed(Defined):
    """An app with two types, and a deploy that knows one of them alone."""

    def __init__(self):
        super().__init__()

        class Signup(self.Journey):
            @step
            def begin(self): ...

            @step(wait=60)
            def end(self): ...

        self.Signup = Signup

    def start_and_remove(self, sessions):
        class Gone(self.Journey):
            @step
            def begin(self): ...

        with sessions() as session:
            ada = self.User(name="Ada")
            session.add(ada)
            self.Signup.start(session, ada)
            Gone.start(session, ada)
            session.commit()
        self.Journey._root.journeys.remove(Gone)
        self.Journey.__mapper__.polymorphic_map.pop("Gone")


@pytest.fixture
def removed():
    return Removed()


def test_a_type_that_nobody_knows_breaks_no_query(removed, database):
    sessions = sessions_for(removed, database)
    motor = Motor(sessions, journeys=removed.Journey)
    removed.start_and_remove(sessions)
    with sessions() as session:
        signup, gone = session.scalars(select(removed.Journey).order_by(removed.Journey.id))
        assert (type(signup), type(gone), gone.type) == (removed.Signup, removed.Journey, "Gone")
        assert session.get(removed.Journey, gone.id) is gone
        assert session.get(removed.Signup, gone.id) is None
        assert (gone.hero.name, list(gone.history)) == ("Ada", [])
        assert session.scalar(select(func.count()).select_from(removed.Journey)) == 2
        assert "of the type 'Gone', which this code does not know" in str(gone.explain())
        session.refresh(gone)
        gone.pause(by="Grace")
        session.commit()
        assert (gone.state, gone.history[0].by) == (State.PAUSED, "Grace")
        assert removed.Journey.cancel_all(session, removed.Journey.paused()).changed == 1
        session.commit()
        assert [entry.outcome for entry in gone.history] == ["paused", "canceled"]
    motor.close()


def test_nor_does_it_stop_a_worker_or_the_housekeeping(removed, database):
    sessions = sessions_for(removed, database)
    motor = Motor(sessions, journeys=removed.Journey)
    removed.start_and_remove(sessions)
    motor.worker().run(once=True)
    with sessions() as session:
        signup, gone = session.scalars(select(removed.Journey).order_by(removed.Journey.id))
        assert (signup.next_step_name, gone.state, gone.next_step_name) == ("end", State.READY, "begin")
    assert [(each.type, each.count) for each in unknown_positions(motor)] == [("Gone", 1)]
    motor.close()


def test_it_is_flushed_as_it_is(removed, database):
    sessions = sessions_for(removed, database)
    Motor(sessions, journeys=removed.Journey)
    removed.start_and_remove(sessions)
    with sessions() as session:
        gone = session.scalars(select(removed.Journey).where(removed.Journey.type == "Gone")).one()
        gone.data = {"seen": True}
        session.commit()
        session.expunge_all()
        gone = session.scalars(select(removed.Journey).where(removed.Journey.type == "Gone")).one()
        assert (gone.type, gone.data) == ("Gone", {"seen": True})


def test_the_root_itself_cannot_be_started(it, database):
    sessions = sessions_for(it, database)
    Motor(sessions, journeys=it.Journey)
    with sessions() as session, pytest.raises(StepperMotorError, match="Journey itself can't be started"):
        it.Journey.start(session)


def test_an_app_that_sets_updated_at_of_whatever_it_flushes_does_no_harm(removed, database):
    """As advanced-alchemy does."""
    sessions = sessions_for(removed, database)
    Motor(sessions, journeys=removed.Journey)

    @event.listens_for(sessions, "before_flush")
    def _touch(session, *_):
        for journey in session.dirty:
            journey.updated_at = datetime.now(UTC)

    with sessions() as session:
        journey = removed.Signup.start(session)
        session.commit()
        before = journey.updated_at
        journey.data = {"seen": True}
        session.commit()
        assert (journey.updated_at, journey.data) == (before, {"seen": True})
        journey.data = {"seen": "when nothing was loaded"}
        session.commit()
        assert journey.updated_at == before
