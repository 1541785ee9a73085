"""The database that both sides share, its tables made by the one or by the other."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import connection
from sqlalchemy import NullPool

from tests.two_orms import sqlalchemy_side
from tests.two_orms.django_side import DjangoSide
from tests.two_orms.sqlalchemy_side import Journey, SqlAlchemySide
from tests.worker import diary
from tests.worker.processes import Crew

OF_JOURNEYS = [Journey.__table__, Journey.History.__table__]


@pytest.fixture(scope="module", params=["django", "sqlalchemy"])
def tables(request, django_db_setup, django_db_blocker):
    """Those of the journeys: made by Django's migrations, or by SQLAlchemy's metadata."""
    if request.param == "django":
        yield
        return
    engine = sqlalchemy_side.engine(poolclass=NullPool)
    with django_db_blocker.unblock():
        call_command("migrate", "stepper_motor", "zero", verbosity=0)
        connection.close()
        sqlalchemy_side.Base.metadata.create_all(engine, OF_JOURNEYS)
        yield
        sqlalchemy_side.Base.metadata.drop_all(engine, OF_JOURNEYS)
        call_command("migrate", "stepper_motor", verbosity=0)


@pytest.fixture
def sides(tables, transactional_db):
    """By name."""
    service = SqlAlchemySide()
    yield {"django": DjangoSide(), "sqlalchemy": service}
    service.motor.close()


@pytest.fixture(params=["django", "sqlalchemy"])
def one(sides, request):
    """The side that begins."""
    return sides[request.param]


@pytest.fixture
def other(sides, one):
    return next(side for side in sides.values() if side is not one)


@pytest.fixture
def crew(sides, tmp_path, monkeypatch):
    """Starts worker processes of either side; none outlives the test."""
    monkeypatch.setenv(diary.FOLDER, str(tmp_path))
    crew = Crew(tmp_path)
    yield crew
    crew.end()
