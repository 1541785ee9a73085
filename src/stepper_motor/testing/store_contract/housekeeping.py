"""What housekeeping asks and does, and what people look at."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stepper_motor.journeys.declarations import step
from stepper_motor.journeys.row import State
from stepper_motor.motor.clock import SetClock
from stepper_motor.motor.ports import Expired, JourneyId, Wanted
from stepper_motor.motor.settings import Settings
from stepper_motor.testing.store_contract.table import ANOTHER, HOUR, ME, Table

LEASE = Settings().lease
INSTANT = timedelta(microseconds=1)
ALL = 1000


class KeepingHouse:
    """`expired`, `ended`, `delete_ended` and `positions`."""

    def test_a_lease_is_over_when_its_time_has_come(self, table: Table, clock: SetClock) -> None:
        id = table.claimed()
        over = clock.now() + LEASE
        clock.set(over - INSTANT)
        assert table.store.expired(10) == []
        clock.set(over)
        name, fence = table.Walk.definition.type_name, table.row(id).fence
        assert table.store.expired(10) == [Expired(id, name, "first", fence, over)]

    def test_every_held_row_is_recovered_whatever_its_state_and_no_other(self, table: Table, clock: SetClock) -> None:
        held = sorted(table.claimed() for _ in range(3))
        table.put(held[1], state=State.PAUSED)
        table.put(held[2], state=State.CANCELED, ended_at=clock.now())
        table.put(table.start(), state=State.PAUSED)
        table.start()
        clock.move(LEASE)
        assert [expired.id for expired in table.store.expired(10)] == held

    def test_the_lost_are_given_in_pages(self, table: Table, clock: SetClock) -> None:
        ids = sorted(table.claimed() for _ in range(5))
        clock.move(LEASE)
        pages: list[list[JourneyId]] = []
        while batch := table.store.expired(2, pages[-1][-1] if pages else None):
            pages.append([expired.id for expired in batch])
        assert pages == [ids[:2], ids[2:4], ids[4:]]

    def test_a_type_that_is_not_known_is_not_recovered(self, table: Table, clock: SetClock) -> None:
        table.claimed()
        clock.move(LEASE)
        table.store.registry.remove(table.Walk)
        assert table.store.expired(10) == []

    def test_the_ended_are_told_from_their_time_on(self, table: Table, clock: SetClock) -> None:
        finished, canceled, ongoing = (table.start() for _ in range(3))
        table.put(finished, state=State.FINISHED, ended_at=clock.now())
        table.put(canceled, state=State.CANCELED, ended_at=clock.now() + HOUR)
        types = [table.Walk.definition.type_name]
        assert table.store.ended(types, clock.now() - INSTANT, 10) == []
        assert table.store.ended(types, clock.now(), 10) == [finished]
        assert table.store.ended(types, clock.now() + HOUR, 10) == sorted([finished, canceled])
        assert ongoing not in table.store.ended(types, clock.now() + ALL * HOUR, 10)

    def test_the_ended_are_told_by_type_and_in_pages(self, table: Table, clock: SetClock) -> None:
        Other = table.home.define("ContractOther", {"first": step(lambda self: None, name="first")})
        ids = sorted(table.start() for _ in range(3))
        other = table.start(cls=Other)
        for id in (*ids, other):
            table.put(id, state=State.FINISHED, ended_at=clock.now())
        walk = [table.Walk.definition.type_name]
        assert table.store.ended(walk, clock.now(), 2) == ids[:2]
        assert table.store.ended(walk, clock.now(), 2, ids[1]) == ids[2:]
        assert table.store.ended([Other.definition.type_name], clock.now(), 10) == [other]

    def test_what_a_step_still_holds_is_not_deleted(self, table: Table, clock: SetClock) -> None:
        id = table.claimed()
        table.put(id, state=State.CANCELED, ended_at=clock.now())
        assert table.store.ended([table.Walk.definition.type_name], clock.now(), 10) == []
        assert table.store.delete_ended([id], clock.now()) == 0
        assert table.record(id) is not None

    def test_a_journey_is_deleted_with_its_history(self, table: Table, clock: SetClock) -> None:
        id, kept = table.claimed(), table.claimed()
        for each in (id, kept):
            table.settle(table.ended(each))
        table.put(id, state=State.FINISHED, ended_at=clock.now())
        assert table.store.delete_ended([id, kept], clock.now()) == 1
        assert (table.record(id), table.told(id)) == (None, [])
        assert len(table.told(kept)) == 1

    def test_what_was_opened_again_is_not_deleted(self, table: Table, clock: SetClock) -> None:
        again, later = table.start(), table.start()
        table.put(later, state=State.FINISHED, ended_at=clock.now() + INSTANT)
        assert table.store.delete_ended([again, later], clock.now()) == 0

    def test_what_others_have_locked_is_not_deleted(self, table: Table, clock: SetClock, row_locks: None) -> None:
        locked, free = table.start(), table.start()
        for id in (locked, free):
            table.put(id, state=State.FINISHED, ended_at=clock.now())
        with table.locked(locked):
            assert table.store.delete_ended([locked, free], clock.now()) == 1
        assert table.record(locked) is not None

    def test_the_ongoing_are_counted_where_they_stand(self, table: Table, clock: SetClock) -> None:
        waiting, paused, held, ended = table.start(), table.start(), table.claimed(ANOTHER), table.start()
        table.put(paused, state=State.PAUSED, next_step_name="second")
        table.put(ended, state=State.FINISHED, ended_at=clock.now())
        name = table.Walk.definition.type_name
        assert sorted(table.store.positions()) == [(name, "first", 2), (name, "second", 1)]
        table.store.registry.remove(table.Walk)
        table.put(waiting, next_step_name=None)
        assert set(table.store.positions()) == {(name, None, 1), (name, "first", 1), (name, "second", 1)}
        assert table.row(held).performed_by == ANOTHER


class Looking:
    """`find`, `entries` and `id_of`."""

    def test_a_record_tells_all_that_is_kept(self, table: Table, clock: SetClock) -> None:
        hero = table.home.hero()
        id = table.start(hero, data={"a": [1, None, "ä"]}, key="spring", at=clock.now() + HOUR)
        record, journey = table.record(id), table.load(id)
        assert record is not None
        assert (record.id, record.type, record.key) == (id, table.Walk.definition.type_name, "spring")
        assert f"{record.hero_type} {record.hero_id}" == journey._hero_text
        assert record.created_at == clock.now()
        assert record.row == journey._row
        assert table.store.id_of(str(id)) == id
        assert table.store.id_of("no such key") is None

    @pytest.fixture
    def four(self, table: Table, clock: SetClock) -> list[JourneyId]:
        """Ready in an hour, ready now, paused at `second`, ended: each started a second after the one before."""
        ids = []
        for at in (clock.now() + HOUR, None, None, None):
            ids.append(table.start(at=at))
            clock.move(timedelta(seconds=1))
        table.put(ids[2], state=State.PAUSED, next_step_name="second")
        table.put(ids[3], state=State.CANCELED, ended_at=clock.now())
        return ids

    def test_the_newest_come_first(self, table: Table, four: list[JourneyId]) -> None:
        assert [record.id for record in table.store.find(Wanted(), ALL)] == four[::-1]
        assert [record.id for record in table.store.find(Wanted(), 2)] == [four[3], four[2]]

    def test_or_the_soonest_due_of_the_ongoing(self, table: Table, four: list[JourneyId]) -> None:
        found = table.store.find(Wanted(soonest_first=True), ALL)
        assert [record.id for record in found] == [four[1], four[2], four[0]]

    def test_they_can_be_narrowed(self, table: Table, four: list[JourneyId]) -> None:
        def found(**wanted: object) -> list[JourneyId]:
            return [record.id for record in table.store.find(Wanted(**wanted), ALL)]  # type: ignore[arg-type]

        assert found(type=table.Walk.definition.type_name) == four[::-1]
        assert found(type="unheard of") == []
        assert found(state=State.PAUSED) == [four[2]]
        assert found(step="second", state=State.PAUSED) == [four[2]]
        assert found(overdue=True) == [four[1]]

    def test_they_can_be_narrowed_to_a_hero(self, table: Table) -> None:
        hero = table.home.hero()
        id, _ = table.start(hero), table.start(table.home.hero())
        record = table.record(id)
        assert record is not None
        found = table.store.find(Wanted(hero_type=record.hero_type, hero_id=record.hero_id), ALL)
        assert [each.id for each in found] == [id]
        assert table.store.find(Wanted(hero_type="unheard of"), ALL) == []

    def test_the_last_entries_are_told_the_oldest_first(self, table: Table, clock: SetClock) -> None:
        id = table.start()
        for number in range(4):
            clock.move(timedelta(seconds=1))
            assert table.store.claim(id, None, f"worker {number}") is not None
            table.settle(table.ended(id, holder=f"worker {number}"))
            table.put(id, next_step_to_be_performed_at=clock.now())
        assert [entry.by for entry in table.store.entries(id, 2)] == ["worker 2", "worker 3"]
        assert [entry.by for entry in table.store.entries(id, ALL)] == [f"worker {number}" for number in range(4)]

    def test_a_type_that_is_not_known_is_seen(self, table: Table) -> None:
        id = table.start()
        table.store.registry.remove(table.Walk)
        assert [record.id for record in table.store.find(Wanted(), ALL)] == [id]
        assert table.store.load([id])[id]._unknown_type == table.Walk.definition.type_name
        assert table.store.claimed_by(ME) == []
