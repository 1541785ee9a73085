"""Alembic: the tables of the journeys in the migrations of an app, written by `--autogenerate` or by hand."""

from __future__ import annotations

import pytest
from sqlalchemy import MetaData, inspect, select, text
from sqlalchemy.orm import DeclarativeBase, sessionmaker

from stepper_motor import State
from stepper_motor.sqlalchemy import Motor
from tests.sqlalchemy.app import engine
from tests.sqlalchemy.bases import app, app_on

alembic = pytest.importorskip("alembic")
pytestmark = pytest.mark.filterwarnings("ignore:This declarative base already contains a class")

KINDS = ["a DeclarativeBase", "a naming convention", "UUIDs"]


@pytest.fixture
def database():
    with engine() as made:
        yield made


@pytest.fixture
def migrations_of(tmp_path, database):
    from tests.sqlalchemy.alembic_app import Alembic

    return lambda metadata: Alembic(tmp_path, database, metadata)


def metadata_of(it):
    return it.Journey.__table__.metadata


# -------------------------------------------------------------------------------------------------------- autogenerate


@pytest.mark.parametrize("kind", KINDS)
def test_a_generated_migration_makes_what_the_models_say_and_unmakes_it(kind, migrations_of, database):
    migrations = migrations_of(metadata_of(app(kind)))
    migrations.generate()
    migrations.upgrade()
    migrations.check()
    migrations.downgrade()
    assert inspect(database).get_table_names() == ["alembic_version"]
    migrations.upgrade()
    migrations.check()


def test_it_imports_nothing_of_the_library(migrations_of):
    written = migrations_of(metadata_of(app("a DeclarativeBase"))).generate()
    assert "stepper_motor_journeys" in written
    assert "stepper_motor.sqlalchemy" not in written
    assert {line for line in written.splitlines() if line.startswith(("import ", "from "))} <= {
        "from typing import Sequence, Union", "from alembic import op", "import sqlalchemy as sa",
        "from sqlalchemy.dialects import mysql", "from sqlalchemy.dialects import sqlite",
        "from sqlalchemy.dialects import postgresql",
    }  # fmt: skip


def test_nothing_drifts_from_what_create_all_makes(migrations_of, database):
    it = app("a DeclarativeBase")
    metadata_of(it).create_all(database)
    migrations_of(metadata_of(it)).check()


def test_a_journey_lives_on_the_tables_of_a_migration(migrations_of, database):
    it = app("a DeclarativeBase")
    migrations = migrations_of(metadata_of(it))
    migrations.generate()
    migrations.upgrade()
    check_that_journeys_live(it, database)


def check_that_journeys_live(it, database):
    sessions = sessionmaker(database)
    motor = Motor(sessions, journeys=[it.Journey, it.Payment])
    with sessions() as session:
        ada = it.User(name="Ada")
        session.add(ada)
        it.Signup.start(session, ada)
        it.Payment.start(session, ada)
        assert it.Signup.start(session, ada, on_conflict="ignore") is None
        assert it.Payment.start(session, ada, on_conflict="ignore") is None
        session.commit()
    motor.worker().run(once=True)
    with sessions() as session:
        assert {
            each.state for each in [*session.scalars(select(it.Journey)), *session.scalars(select(it.Payment))]
        } == {State.FINISHED}
    motor.close()


# ------------------------------------------------------------------------------------------------------------- by hand

KEYS = {"a DeclarativeBase": ("bigint", "sa.Integer()"), "a naming convention": ("bigint", "sa.Integer()"),
        "UUIDs": ("uuid", "sa.Uuid()")}  # fmt: skip


def written_by_hand(kind):
    key, hero = KEYS[kind]
    up = f"""op.create_table('users', sa.Column('id', {hero}, primary_key=True),
        sa.Column('name', sa.String(50), nullable=False))
    migrations.upgrade(op, to=1, key={key!r})
    migrations.upgrade(
        op, to=1, table='payments', key={key!r}, hero=sa.Column('hero_id', {hero}, sa.ForeignKey('users.id')),
        columns=[sa.Column('amount', sa.Integer(), nullable=False)],
    )"""
    down = """migrations.downgrade(op, to=0, table='payments')
    migrations.downgrade(op, to=0)
    op.drop_table('users')"""
    return up, down


@pytest.mark.parametrize("kind", KINDS)
def test_a_migration_by_hand_makes_exactly_what_the_models_say(kind, migrations_of, database):
    it = app(kind)
    migrations = migrations_of(metadata_of(it))
    migrations.write(*written_by_hand(kind))
    migrations.upgrade()
    migrations.check()
    by_hand = described(database)
    migrations.downgrade()
    assert inspect(database).get_table_names() == ["alembic_version"]
    metadata_of(it).create_all(database)
    assert by_hand == described(database)
    assert migrations.revisions == 1


def test_journeys_live_on_it_too(migrations_of, database):
    migrations = migrations_of(metadata_of(app("a DeclarativeBase")))
    migrations.write(*written_by_hand("a DeclarativeBase"))
    migrations.upgrade()
    check_that_journeys_live(app("a DeclarativeBase"), database)


def described(database):
    """All that the database itself knows of the tables."""
    if database.dialect.name == "sqlite":
        question = (
            "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name <> 'alembic_version' ORDER BY name"
        )
    elif database.dialect.name == "postgresql":
        question = _POSTGRESQL
    else:
        question = _MARIADB
    with database.connect() as connection:
        rows = [tuple(row) for row in connection.execute(text(question))]
    return [_unordered(row) if database.dialect.name == "sqlite" else row for row in rows]


def _unordered(row):
    """The columns and constraints of a CREATE TABLE, in whatever order they are written."""
    name, sql = row
    if not sql.startswith("CREATE TABLE"):
        return name, sql
    return name, sorted(line.strip().rstrip(",") for line in sql.splitlines() if line.strip())


_POSTGRESQL = """
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull::text,
           coalesce(pg_get_expr(d.adbin, d.adrelid), '')
      FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
      LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
     WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND c.relname <> 'alembic_version'
    UNION ALL
    SELECT c.relname, o.conname, pg_get_constraintdef(o.oid), '', '' FROM pg_constraint o JOIN pg_class c ON o.conrelid = c.oid
     WHERE c.relnamespace = 'public'::regnamespace AND c.relname <> 'alembic_version'
    UNION ALL
    SELECT tablename, indexname, indexdef, '', '' FROM pg_indexes
     WHERE schemaname = 'public' AND tablename <> 'alembic_version'
    UNION ALL
    SELECT relname, 'storage', array_to_string(reloptions, ','), '', '' FROM pg_class WHERE reloptions IS NOT NULL
       AND relnamespace = 'public'::regnamespace
     ORDER BY 1, 2, 3
"""
_MARIADB = """
    SELECT table_name, column_name, column_type, is_nullable, coalesce(collation_name, ''),
           coalesce(generation_expression, ''), extra
      FROM information_schema.columns WHERE table_schema = database() AND table_name <> 'alembic_version'
    UNION ALL
    SELECT table_name, index_name, group_concat(column_name ORDER BY seq_in_index), non_unique, '', '', ''
      FROM information_schema.statistics WHERE table_schema = database() AND table_name <> 'alembic_version'
     GROUP BY table_name, index_name, non_unique
    UNION ALL
    SELECT table_name, constraint_name, check_clause, '', '', '', ''
      FROM information_schema.check_constraints WHERE constraint_schema = database() AND table_name <> 'alembic_version'
     ORDER BY 1, 2, 3
"""


@pytest.mark.parametrize("key", ["bigint", "uuid"])
def test_it_can_be_written_down_as_sql(key, migrations_of, database):
    migrations = migrations_of(metadata_of(app("a DeclarativeBase")))
    migrations.write(
        f"migrations.upgrade(op, to=1, table='trips', key={key!r})", "migrations.downgrade(op, table='trips')"
    )
    assert "CREATE TABLE trips_history" in migrations.upgrade(sql=True)
    assert inspect(database).get_table_names() == []


@pytest.mark.only_on("postgresql")
def test_the_tables_may_be_in_a_schema(migrations_of, database):
    class Base(DeclarativeBase):
        metadata = MetaData(schema="billing")

    it = app_on(Base)
    migrations = migrations_of(Base.metadata)
    with database.begin() as connection:
        connection.execute(text("CREATE SCHEMA billing"))
    migrations.write(
        """op.create_table('users', sa.Column('id', sa.Integer(), primary_key=True),
        sa.Column('name', sa.String(50), nullable=False), schema='billing')
    migrations.upgrade(op, to=1, schema='billing')
    migrations.upgrade(op, to=1, schema='billing', table='payments',
        hero=sa.Column('hero_id', sa.Integer(), sa.ForeignKey('billing.users.id')),
        columns=[sa.Column('amount', sa.Integer(), nullable=False)])""",
        """migrations.downgrade(op, schema='billing', table='payments')
    migrations.downgrade(op, schema='billing')
    op.drop_table('users', schema='billing')""",
    )
    migrations.upgrade()
    migrations.check()
    check_that_journeys_live(it, database)
    migrations.downgrade()
    assert inspect(database).get_table_names(schema="billing") == []


@pytest.mark.parametrize(("since", "to"), [(1, 1), (0, 2), (-1, 1), (1, 0)])
def test_there_are_only_the_versions_there_are(since, to):
    from stepper_motor.sqlalchemy import migrations

    with pytest.raises(ValueError, match="there are the versions 0"):
        migrations.upgrade(None, to=to, since=since)


def test_another_kind_of_key_is_given_as_a_column():
    from stepper_motor.sqlalchemy import migrations

    with pytest.raises(ValueError, match="key must be 'bigint', 'uuid' or a Column, got 'text'"):
        migrations.upgrade(None, key="text")
