"""`class Journey(JourneyMixin, Base)`, on every kind of base that apps have."""

from __future__ import annotations

import pytest
from sqlalchemy import MetaData, Uuid, inspect, select, text
from sqlalchemy.orm import DeclarativeBase, sessionmaker

from stepper_motor import Completed, State
from stepper_motor.sqlalchemy import Motor
from tests.sqlalchemy.app import engine
from tests.sqlalchemy.bases import BASES, app, app_on

pytestmark = pytest.mark.filterwarnings("ignore:This declarative base already contains a class")

EVERYWHERE = ("a DeclarativeBase", "a naming convention", "UUIDs", "UUIDAuditBase", "BigIntBase")
"""Those that are tried on every database: their tables differ."""
KINDS = [kind if kind in EVERYWHERE else pytest.param(kind, marks=pytest.mark.only_on("sqlite")) for kind in BASES]


@pytest.fixture
def database():
    with engine() as made:
        yield made


def sessions_for(app, database):
    app.Journey.__table__.metadata.create_all(database)
    return sessionmaker(database)


@pytest.mark.parametrize("kind", KINDS)
def test_a_journey_is_started_and_performed_by_hand_and_by_a_worker(kind, database):
    it = app(kind)
    sessions = sessions_for(it, database)
    motor = Motor(sessions, journeys=[it.Journey, it.Payment], heroes=it.heroes)
    with sessions() as session:
        ada, grace = it.User(name="Ada"), it.User(name="Grace")
        session.add_all([ada, grace])
        journey = it.Signup.start(session, ada)
        session.add_all([it.Payment(hero=grace, amount=3), it.Refund(hero=grace, amount=3)])
        session.commit()
        assert journey.perform_next_step() == Completed()
        assert (journey.state, journey.next_step_name, journey.data) == (State.READY, "rename", {"greeted": "Ada"})

    motor.worker().run(once=True)
    with sessions() as session:
        journey = session.scalars(select(it.Journey)).one()
        assert (type(journey), journey.state, journey.hero.name) == (it.Signup, State.FINISHED, "Ada!")
        assert [entry.step_name for entry in journey.history] == ["greet", "rename"]
        payment, refund = session.scalars(select(it.Payment).order_by(it.Payment.amount.desc()))
        assert (type(payment), payment.state, payment.amount) == (it.Payment, State.FINISHED, 4)
        assert (type(refund), refund.state, refund.amount) == (it.Refund, State.FINISHED, 3)
        assert payment.data == refund.data == {"payer": "Grace"}
    motor.close()


@pytest.mark.parametrize("kind", KINDS)
def test_each_class_selects_its_own(kind, database):
    it = app(kind)
    sessions = sessions_for(it, database)
    Motor(sessions, journeys=[it.Journey, it.Payment], heroes=it.heroes)
    with sessions() as session:
        ada = it.User(name="Ada")
        session.add(ada)
        it.Signup.start(session, ada)
        it.Refund.start(session, ada)
        it.Payment.start(session)
        session.commit()
        assert {type(each) for each in session.scalars(select(it.Journey))} == {it.Signup}
        assert {type(each) for each in session.scalars(select(it.Payment))} == {it.Payment, it.Refund}
        assert {type(each) for each in session.scalars(select(it.Refund))} == {it.Refund}
        assert session.scalars(select(it.User).where(it.Signup.presence(it.User))).one() is ada
        assert session.scalars(select(it.User).where(it.Refund.presence(it.User))).one() is ada


@pytest.mark.parametrize("kind", KINDS)
def test_the_hero_of_a_new_journey_is_given_to_its_constructor(kind):
    it = app(kind)
    ada = it.User(name="Ada")
    assert it.Signup(ada, data={"a": 1}).hero is it.Signup(hero=ada).hero is ada
    with pytest.raises(TypeError, match=r"Signup has no column 'no_such_column'"):
        it.Signup(ada, no_such_column=1)


# --------------------------------------------------------------------------------------------------- names and schemas


NAMES = {
    "stepper_motor_due", "stepper_motor_ended", "stepper_motor_held", "stepper_motor_held_has_lease",
    "stepper_motor_one_per_hero", "stepper_motor_ready_is_due", "stepper_motor_by_journey",
}  # fmt: skip


@pytest.mark.parametrize("kind", ["a DeclarativeBase", "a naming convention"])
def test_constraints_and_indexes_have_the_same_names_whatever_the_apps_convention(kind, database):
    it = app(kind)
    sessions_for(it, database)
    assert _names(database, it.Journey) == NAMES
    assert len(_names(database, it.Payment)) == len(NAMES)
    assert not _names(database, it.Payment) & NAMES, "an index has one name in a whole schema"


def _names(database, cls):
    found = inspect(database)
    journeys, history = cls.__table__.name, cls.History.__table__.name
    listed = [
        *found.get_indexes(journeys), *found.get_unique_constraints(journeys), *found.get_check_constraints(journeys),
        *found.get_indexes(history),
    ]  # fmt: skip
    return {each["name"] for each in listed if each["name"] and not each["name"].startswith(("hero_id", "fk_", "data"))}


@pytest.mark.only_on("postgresql")
def test_the_schema_of_the_metadata_holds_journeys_and_history_too(database):
    class Base(DeclarativeBase):
        metadata = MetaData(schema="billing")

    it = app_on(Base)
    with database.begin() as connection:
        connection.execute(text("CREATE SCHEMA billing"))
    sessions = sessions_for(it, database)
    motor = Motor(sessions, journeys=[it.Journey, it.Payment])
    with sessions() as session:
        ada = it.User(name="Ada")
        session.add(ada)
        it.Signup.start(session, ada)
        it.Payment.start(session, ada)
        session.commit()
    motor.worker().run(once=True)
    with sessions() as session:
        assert session.scalars(select(it.Journey)).one().state == State.FINISHED
        payment = session.scalars(select(it.Payment)).one()
        assert (payment.state, len(payment.history)) == (State.FINISHED, 1)
    assert inspect(database).get_table_names(schema="public") == []
    motor.close()


# ------------------------------------------------------------------------------------------------------ keys and columns


@pytest.mark.parametrize("kind", ["UUIDBase", "UUIDAuditBase", "UUIDv7Base"])
def test_uuids_that_a_base_would_keep_as_bytes_are_kept_as_sqlalchemy_keeps_them(kind):
    it = app(kind)
    assert type(it.Journey.__table__.c.id.type) is type(it.Payment.__table__.c.id.type) is Uuid
    assert type(it.User.__table__.c.id.type) is not Uuid
