"""`types` and `diagram` tell which journeys this code knows."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stepper_motor import step
from tests.cli.running import lines, refusal
from tests.home import Drip, Journey

pytestmark = pytest.mark.database


def test_types_are_listed_with_their_steps():
    class Renamed(Journey):
        type_name = "a.type.of.its.own"

        @step(formerly=("older", "old"), wait=timedelta(hours=3))
        async def new(self): ...

        @step(atomic=True)
        def last(self): ...

    told = lines("types")

    place = told.index("a.type.of.its.own")
    assert told[place + 1 : place + 3] == [
        "  new   after 3 hours  async, formerly older, old",
        "  last                 atomic",
    ]
    assert told[told.index(Drip.definition.type_name) + 2] == "  remind    after 2 days"
    assert [line for line in told if not line.startswith(" ")] == sorted(
        line for line in told if not line.startswith(" ")
    )


def test_a_diagram_is_drawn_of_a_type():
    assert "\n".join(lines("diagram", Drip.definition.type_name)) == Drip.diagram()


def test_the_nearest_type_is_named_for_one_that_is_not_there():
    name = Drip.definition.type_name
    assert refusal("diagram", name[:-1]) == f"there is no journey type {name[:-1]!r}; did you mean {name!r}?"
    assert "; there are " in refusal("diagram", "Zzz")
