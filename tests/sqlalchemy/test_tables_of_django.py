"""One table serves two ORMs, whichever made it: the columns have the same names, may be null alike, and keep the same."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, inspect

from tests import databases
from tests.sqlalchemy.app import SYNC, engine, url
from tests.sqlalchemy.bases import app

GENERATED = {"one_per_hero", "stepper_motor_one_per_hero"}
"""Columns that the database fills in, and that neither ORM maps."""
NEARLY = {
    "sqlite": {"data": {"JSON", "TEXT"}, "journey_id": {"INTEGER", "BIGINT"}, "attempt": {"INTEGER", "INTEGER UNSIGNED"},
               "allow_multiple": {"BOOLEAN", "BOOL"}},
    "postgresql": {},
    "mariadb": {"attempt": {"INT(11)", "INT(10) UNSIGNED"}},
}  # fmt: skip
"""Where the names of the types differ, and what they keep does not."""


@pytest.fixture
def of_django():
    from django.db import connection

    name = str(connection.settings_dict["NAME"])
    made = create_engine(url(SYNC, databases.name() if databases.chosen() == "sqlite" else name))
    yield made
    made.dispose()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("table", ["stepper_motor_journeys", "stepper_motor_history"])
def test_the_columns_are_the_same_whichever_orm_made_the_table(table, of_django):
    with engine() as ours:
        app("a DeclarativeBase").Journey.__table__.metadata.create_all(ours)
        mine, theirs = columns(ours, table), columns(of_django, table)
    assert mine.keys() == theirs.keys()
    nearly = NEARLY[databases.chosen()]
    for name in mine:
        assert mine[name][1] == theirs[name][1], f"{name} may be null in one of them alone"
        assert mine[name] == theirs[name] or {mine[name][0], theirs[name][0]} == nearly.get(name), name


def columns(database, table):
    """Of each column: its type as the database names it, and whether it may be null."""
    with database.connect() as connection:
        if database.dialect.name == "sqlite":
            rows = connection.exec_driver_sql(f"PRAGMA table_xinfo({table})").all()
            found = {row[1]: (row[2].upper(), not row[3]) for row in rows}
        elif database.dialect.name == "postgresql":
            found = {
                each["name"]: (repr(each["type"]), each["nullable"]) for each in inspect(connection).get_columns(table)
            }
        else:
            rows = connection.exec_driver_sql(
                "SELECT column_name, column_type, is_nullable FROM information_schema.columns "
                "WHERE table_schema = database() AND table_name = %s", (table,),
            ).all()  # fmt: skip
            found = {name: (kind.upper(), nullable) for name, kind, nullable in rows}
    return {name: told for name, told in found.items() if name not in GENERATED}
