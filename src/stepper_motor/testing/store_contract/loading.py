"""Objects of rows."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from stepper_motor.journeys.errors import AlreadyOnJourney
from stepper_motor.journeys.row import Onward, State
from stepper_motor.motor.clock import SetClock
from stepper_motor.motor.ports import Before
from stepper_motor.testing.store_contract.table import HOUR, ME, Table


class Loading:
    """`load` and `load_again`, and what a start puts into the table."""

    def test_a_journey_starts_at_its_first_step(self, table: Table, clock: SetClock) -> None:
        row = table.row(table.start())
        assert (row.state, row.next_step_name, row.previous_step_name) == (State.READY, "first", None)
        assert row.next_step_to_be_performed_at == row.arrived_at == row.updated_at == clock.now()
        assert (row.attempts, row.failures, row.losses, row.round, row.steps_entered, row.steps_completed) == (0,) * 6
        assert (row.performed_by, row.lease_expires_at, row.ended_at, row.reason) == (None,) * 4
        assert row.fence

    def test_objects_are_of_their_class_and_fresh(self, table: Table) -> None:
        first, second = table.start(data={"n": 1}), table.start(data={"n": 2})
        found = table.store.load([second, first])
        assert set(found) == {first, second}
        assert {type(journey) for journey in found.values()} == {table.Walk}
        assert [table.load(id).data for id in (first, second)] == [{"n": 1}, {"n": 2}]
        assert table.load(first) is not found[first]
        assert (found[first]._id, found[first]._row) == (first, table.row(first))

    def test_a_change_to_an_object_changes_no_other(self, table: Table) -> None:
        id = table.start(data={"list": [1]})
        table.load(id).data["list"].append(2)
        assert table.load(id).data == {"list": [1]}

    def test_what_is_gone_is_left_out(self, table: Table) -> None:
        there, gone = table.start(), table.start()
        table.delete(gone)
        assert list(table.store.load([gone, there])) == [there]
        assert table.store.load([gone]) == {}

    def test_an_unknown_type_hides_no_other(self, table: Table) -> None:
        unknown = table.start()
        known = table.home.define("ContractKnown", {})
        other = table.start(cls=known)
        table.store.registry.remove(table.Walk)
        found = table.store.load([unknown, other])
        assert type(found[other]) is known
        assert found[unknown]._unknown_type == table.Walk.definition.type_name
        assert found[other]._unknown_type is None

    def test_heroes_come_with_their_journeys(self, table: Table) -> None:
        heroes = [table.home.hero() for _ in range(3)]
        ids = [table.start(hero) for hero in heroes]
        found = table.store.load(ids)
        assert [found[id].hero for id in ids] == heroes
        assert not any(found[id]._hero_is_gone() for id in ids)

    def test_a_hero_whose_record_is_deleted_is_gone(self, table: Table) -> None:
        hero = table.home.hero()
        id, without = table.start(hero), table.start()
        table.home.delete_hero(hero)
        found = table.store.load([id, without])
        assert found[id].hero is None
        assert found[id]._hero_is_gone()
        assert not found[without]._hero_is_gone()

    @pytest.mark.parametrize("is_told", [True, False], ids=["told with the settlement", "read"])
    def test_after_a_run_on_the_engine_s_columns_are_known_and_the_rest_is_read(
        self, table: Table, clock: SetClock, is_told: bool
    ) -> None:
        hero = table.home.hero()
        id = table.claimed(hero=hero, data={"n": 1})
        before = table.load(id)
        settlement = table.ended(id, to=Onward("second", clock.now()), run_on_lease=clock.now() + HOUR)
        settlement.data = '{"n": 2}'
        row = table.settle(settlement).row
        told = settlement.own_after if is_told else None
        after = table.store.load_again({id: Before(before, row, told)})[id]
        assert after is not before
        assert (type(after), after._row, after.hero) == (table.Walk, row, hero)
        assert table.load(id).data == {"n": 2} == getattr(after, "data")  # noqa: B009  # no column of JourneyBase

    def test_own_columns_are_read_again(self, table: Table, clock: SetClock) -> None:
        cls, values = table.home.with_columns()
        own = Table(table.home, cls)
        id = own.claimed()
        before = own.load(id)
        settlement = own.ended(id, to=Onward("second", clock.now()), run_on_lease=clock.now() + HOUR, own=dict(values))
        row = own.settle(settlement).row
        after = own.store.load_again({id: Before(before, row)})[id]
        assert {name: getattr(after, name) for name in values} == values
        # The next settlement leaves them as they are, and may tell them along.
        ending = own.ended(id, to=Onward("second", clock.now()), run_on_lease=clock.now() + HOUR)
        row = own.settle(ending).row
        last = own.store.load_again({id: Before(after, row, ending.own_after)})[id]
        assert {name: getattr(last, name) for name in values} == values

    def test_what_was_deleted_meanwhile_is_not_loaded_again(self, table: Table) -> None:
        id = table.claimed()
        before = table.load(id)
        table.delete(id)
        assert table.store.load_again({id: Before(before, before._row)}) == {}

    def test_a_hero_is_on_one_journey_of_a_class_and_key(self, table: Table) -> None:
        hero = table.home.hero()
        table.start(hero)
        table.start(hero, key="another")
        table.start(hero, allow_multiple=True)
        table.start(table.home.hero())
        assert self._has_a_journey(table, hero)
        assert self._has_a_journey(table, hero, key="another")

    def test_keys_differ_by_case_and_by_accents(self, table: Table) -> None:
        hero = table.home.hero()
        ids = {table.start(hero, key=key) for key in ("spring", "Spring", " spring", "spríng", "sprıng", "")}
        assert len(ids) == 6

    def test_the_end_of_a_journey_frees_the_place(self, table: Table, clock: SetClock) -> None:
        hero = table.home.hero()
        id = table.start(hero)
        assert self._has_a_journey(table, hero)
        table.put(id, state=State.CANCELED, ended_at=clock.now())
        assert table.start(hero) != id

    def test_a_paused_and_a_performed_journey_keep_it(self, table: Table) -> None:
        paused, performed = table.home.hero(), table.home.hero()
        table.put(table.start(paused), state=State.PAUSED)
        table.claimed(hero=performed)
        assert self._has_a_journey(table, paused)
        assert self._has_a_journey(table, performed)

    def _has_a_journey(self, table: Table, hero: Any, key: str = "") -> bool:
        """Whether the hero can't be given another one."""
        try:
            table.start(hero, key=key)
        except AlreadyOnJourney:
            return True
        return False

    def test_of_two_who_start_at_once_one_does(self, table: Table) -> None:
        heroes = [table.home.hero() for _ in range(10)]

        def were_late() -> list[bool]:
            return [table.insisting(partial(self._has_a_journey, table, hero)) for hero in heroes]

        first, second = table.side_by_side(were_late, were_late)
        assert all(mine != other for mine, other in zip(first, second, strict=True))

    def test_times_are_aware_and_exact_to_the_microsecond(self, table: Table, clock: SetClock) -> None:
        clock.move(timedelta(microseconds=123_456))
        due = clock.now() + timedelta(days=3, microseconds=7)
        id = table.start(at=due)
        row = table.row(id)
        assert (row.next_step_to_be_performed_at, row.arrived_at) == (due, clock.now())
        clock.set(due)
        claim = table.store.claim(id, None, ME)
        assert claim == (id, due, due)
        table.settle(table.ended(id))
        (entry,) = table.told(id)
        times = (due, row.arrived_at, claim.due, claim.now, entry.started_at, entry.finished_at, table.store.now())
        assert all(time is not None and time.utcoffset() == timedelta() for time in times)
        assert entry.finished_at == due
