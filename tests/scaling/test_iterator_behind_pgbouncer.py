"""What a project has to set for its own queries, as everywhere in Django behind PgBouncer in transaction mode."""

from __future__ import annotations

import psycopg
import pytest
from django.db import connections

from tests.scaling.bouncer import bouncing, require
from tests.worker.journeys import Walk

pytestmark = [
    pytest.mark.processes,
    pytest.mark.only_on("postgresql"),
    pytest.mark.django_db(transaction=True, databases=["default", "bounced"]),
]


@pytest.fixture(scope="module", autouse=True)
def bouncer(django_db_setup):
    """PgBouncer, and the alias of the test database behind it."""
    require()
    with bouncing() as bouncer:
        connections.settings["bounced"] = {**connections.settings["default"], "PORT": bouncer.port}
        yield bouncer
        connections["bounced"].close()
        del connections["bounced"], connections.settings["bounced"]


def read_in_parts(bouncer):
    """While another client is given the connection that the first part came over."""
    journeys = Walk.objects.using("bounced").iterator(chunk_size=2)
    first = next(journeys)
    with bouncer.connect() as other:
        other.execute("BEGIN")
        return [first, *journeys]


def test_iterator_needs_server_side_cursors_to_be_off(bouncer):
    Walk.objects.bulk_create([Walk() for _ in range(5)])
    with pytest.raises(psycopg.errors.InvalidCursorName):
        read_in_parts(bouncer)

    connections["bounced"].settings_dict["DISABLE_SERVER_SIDE_CURSORS"] = True

    assert len(read_in_parts(bouncer)) == 5
