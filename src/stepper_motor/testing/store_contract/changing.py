"""Changes from outside."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest

from stepper_motor.journeys.declarations import step
from stepper_motor.journeys.errors import AlreadyOnJourney, InvalidState
from stepper_motor.journeys.row import Entry, Row, State, Transition
from stepper_motor.motor.clock import SetClock
from stepper_motor.motor.ports import JourneyId, NoSuchRow, Store
from stepper_motor.sql.rows import clean
from stepper_motor.testing.store_contract.table import Table, unchanged

TEXTS = {
    "NUL": "before\0after",
    "lone surrogates": "low \udc00, high \ud800, both the wrong way round \udc00\ud800",
    "a pair": "\U0001f680 and \U0001f468‍\U0001f469‍\U0001f467",
    "quotes and percent": """it's "50 %" {0} %s \\ \\u0000 ;--""",
    "10,000 characters": "ß" * 10_000,
    "lines and spaces": " a\r\n\tb ",
    "nothing": "",
}


def pause(row: Row, now: datetime) -> Transition:
    entry = Entry(row.next_step_name, None, "paused", State.PAUSED, "why", None, None, None, "Ada", now, now)
    return Transition(row._replace(state=State.PAUSED, reason="why", updated_at=now), (entry,))


def refuse(row: Row, now: datetime) -> Transition:
    raise InvalidState("pause", row.state)


def count_one(row: Row, now: datetime) -> Transition:
    return Transition(row._replace(round=row.round + 1))


class Changing:
    """`change`, `change_many` and `note`."""

    def test_what_was_decided_is_written_and_told(self, table: Table, clock: SetClock) -> None:
        id = table.start()
        before = table.row(id)
        clock.move(timedelta(seconds=7))
        transition = table.store.change(id, pause)
        row = table.row(id)
        assert row == transition.row == before._replace(state=State.PAUSED, reason="why", updated_at=clock.now())
        assert table.told(id) == list(transition.entries)
        assert table.told(id)[0].by == "Ada"

    def test_every_column_can_be_written(self, table: Table, clock: SetClock) -> None:
        id = table.start()
        at = [clock.now() + timedelta(days=day, microseconds=day) for day in range(5)]
        row = Row(
            State.PERFORMING, "reason", "previous", "next", at[0], 1, 2, 3, 4, 5, 6, "fence", at[1], at[2], "worker",
            at[3], at[4],
        )  # fmt: skip
        table.store.change(id, lambda *_: Transition(row))
        assert table.row(id) == row == table.load(id)._row

    def test_nothing_is_written_when_it_could_not_be_decided(self, table: Table) -> None:
        id = table.start()
        before = table.row(id)
        with pytest.raises(InvalidState):
            table.store.change(id, refuse)
        assert (table.row(id), table.told(id)) == (before, [])

    def test_a_row_that_is_gone_is_said(self, table: Table) -> None:
        id = table.start()
        table.delete(id)
        with pytest.raises(NoSuchRow):
            table.store.change(id, unchanged)
        with pytest.raises(NoSuchRow):
            table.store.change(id, unchanged, wait=False)

    def test_what_others_have_locked_is_waited_for_or_not(self, table: Table, row_locks: None) -> None:
        id = table.start()
        with table.locked(id) as let_go:
            with pytest.raises(NoSuchRow):
                table.store.change(id, pause, wait=False)
            threading.Timer(0.2, let_go).start()
            table.store.change(id, pause)
        assert table.row(id).state is State.PAUSED

    def test_each_decides_from_what_the_one_before_has_written(self, table: Table) -> None:
        id = table.start()

        def count() -> None:
            for _ in range(20):
                table.insisting(lambda: table.store.change(id, count_one))

        table.side_by_side(count, count)
        assert table.row(id).round == 40

    def test_many_are_changed_at_once_and_each_for_itself(self, table: Table) -> None:
        good, bad, gone, other = (table.start() for _ in range(4))
        table.delete(gone)
        results = table.store.change_many({other: pause, bad: refuse, gone: pause, good: pause})
        assert isinstance(results[bad], InvalidState)
        assert isinstance(results[gone], NoSuchRow)
        for id in (good, other):
            transition = results[id]
            assert isinstance(transition, Transition)
            assert transition.row == table.row(id)
            assert [entry.outcome for entry in table.told(id)] == ["paused"]
        assert (table.row(bad).state, table.told(bad)) == (State.READY, [])

    def test_a_journey_can_t_be_opened_again_where_its_place_is_taken(self, table: Table, clock: SetClock) -> None:
        ended = self._ended_and_replaced(table, clock)
        before = table.row(ended)
        with pytest.raises(AlreadyOnJourney):
            table.store.change(ended, lambda row, now: Transition(row._replace(state=State.READY, ended_at=None)))
        assert table.row(ended) == before

    def test_one_whose_place_is_taken_undoes_the_whole_batch(self, table: Table, clock: SetClock) -> None:
        ended, other = self._ended_and_replaced(table, clock), table.start()
        with pytest.raises(AlreadyOnJourney):
            table.store.change_many(
                {other: pause, ended: lambda row, now: Transition(row._replace(state=State.READY, ended_at=None))}
            )
        assert (table.row(other).state, table.told(other)) == (State.READY, [])

    def test_the_app_s_transaction_stays_usable_after_that(self, table: Table, clock: SetClock) -> None:
        ended, other = self._ended_and_replaced(table, clock), table.start()

        def app(store: Store) -> None:
            with pytest.raises(AlreadyOnJourney):
                store.change(ended, lambda row, now: Transition(row._replace(state=State.PAUSED)))
            store.change(other, pause)

        table.home.in_app_transaction(table.store, app)
        assert (table.row(ended).state, table.row(other).state) == (State.CANCELED, State.PAUSED)

    def _ended_and_replaced(self, table: Table, clock: SetClock) -> JourneyId:
        hero = table.home.hero()
        ended = table.start(hero)
        table.put(ended, state=State.CANCELED, ended_at=clock.now())
        table.start(hero)
        return ended

    def test_a_note_is_a_line_of_the_history_alone(self, table: Table, clock: SetClock) -> None:
        id = table.start()
        before = table.row(id)
        note = Entry("first", None, "hook_failed", State.READY, "r", "E", "m", "t", "who", clock.now(), clock.now())
        table.store.note(id, note)
        assert (table.row(id), table.told(id)) == (before, [note])

    @pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
    def test_texts_are_kept_but_for_what_no_database_keeps(self, table: Table, clock: SetClock, text: str) -> None:
        id, now = table.start(), clock.now()
        entry = Entry("first", 1, "failed", State.PAUSED, text, text[:200], text, text, text[:200], now, now)
        table.store.change(id, lambda row, _: Transition(row._replace(state=State.PAUSED, reason=text), (entry,)))
        short, whole = clean(text[:200]), clean(text)
        assert table.row(id).reason == whole == table.load(id)._row.reason
        told = entry._replace(reason=whole, error_class=short, message=whole, traceback=whole, by=short)
        assert table.told(id) == [told]

    @pytest.mark.parametrize("name", ["größe \U0001f680", "it's", "%s", "A", " a "])
    def test_any_name_of_a_step_is_found_again(self, table: Table, name: str) -> None:
        Odd = table.home.define("ContractOdd", {"odd": step(lambda self: None, name=name)})
        id = table.start(cls=Odd)
        assert [claim.id for claim in table.store.claim_due(10, "worker")] == [id]
        assert table.row(id).next_step_name == name
