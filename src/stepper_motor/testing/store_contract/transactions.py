"""Transactions, and what the app's own code leaves of them."""

from __future__ import annotations

import asyncio
import threading
from functools import partial

import pytest

from stepper_motor.journeys.outcomes import Canceled, Interruption
from stepper_motor.journeys.row import State
from stepper_motor.motor.ports import Store
from stepper_motor.testing.store_contract.changing import pause
from stepper_motor.testing.store_contract.table import ME, Table, Undone

after_a_commit = pytest.mark.parametrize("method", ["on_commit", "when_committed"])


class Transactions:
    """`transaction`, `atomic_step`, `on_commit`, `when_committed`, `mark` and `tidy`, errors, and awaiting."""

    def test_what_is_committed_others_see_then_and_not_before(self, table: Table) -> None:
        id = table.start()
        with table.store.transaction():
            table.store.change(id, pause)
            assert table.row(id).state is State.PAUSED
            assert table.elsewhere(lambda: table.row(id).state) is State.READY
        assert table.elsewhere(lambda: table.row(id).state) is State.PAUSED

    def test_what_raises_is_rolled_back(self, table: Table) -> None:
        id = table.start()
        before = table.row(id)
        for error in (Undone(), Interruption(Canceled())):
            with table.rolled_back(error):
                table.store.change(id, pause)
            assert (table.row(id), table.told(id)) == (before, [])

    def test_an_inner_block_is_rolled_back_alone(self, table: Table) -> None:
        outer, inner = table.start(), table.start()
        with table.store.transaction():
            table.store.change(outer, pause)
            with table.rolled_back():
                table.store.change(inner, pause)
        assert (table.row(outer).state, table.row(inner).state) == (State.PAUSED, State.READY)
        assert (len(table.told(outer)), table.told(inner)) == (1, [])

    def test_an_outer_block_takes_the_inner_ones_with_it(self, table: Table) -> None:
        id = table.start()
        with table.rolled_back(), table.store.transaction():
            table.store.change(id, pause)
        assert (table.row(id).state, table.told(id)) == (State.READY, [])

    def test_an_atomic_step_is_a_transaction(self, table: Table) -> None:
        kept, undone = table.start(), table.start()
        with table.store.atomic_step():
            table.store.change(kept, pause)
        with table.rolled_back(block=table.store.atomic_step()):
            table.store.change(undone, pause)
        assert (table.row(kept).state, table.row(undone).state) == (State.PAUSED, State.READY)

    def test_an_atomic_step_settles_in_its_own_transaction(self, table: Table) -> None:
        id = table.claimed()
        settlement = table.ended(id)
        with table.rolled_back(block=table.store.atomic_step()):
            table.settle(settlement, patient=True)
        assert (table.row(id).performed_by, table.told(id)) == (ME, [])
        with table.store.atomic_step():
            table.settle(settlement, patient=True)
        assert table.row(id).next_step_name == "second"

    def test_what_is_open_is_known(self, table: Table) -> None:
        assert not table.store.in_transaction()
        assert table.store.may_retry()
        with table.store.transaction():
            assert table.store.in_transaction()
            assert not table.store.may_retry()
            assert not table.elsewhere(table.store.in_transaction)
        assert not table.store.in_transaction()

    @after_a_commit
    def test_callbacks_are_called_after_the_outermost_commit(self, table: Table, method: str) -> None:
        id = table.start()
        called: list[tuple[str, State]] = []

        def call(name: str) -> None:
            called.append((name, table.elsewhere(lambda: table.row(id).state)))

        def app(store: Store) -> None:
            getattr(store, method)(lambda: call("outer"))
            with store.transaction():
                store.change(id, pause)
                getattr(store, method)(lambda: call("inner"))
            assert called == []

        table.home.in_app_transaction(table.store, app)
        assert called == [("outer", State.PAUSED), ("inner", State.PAUSED)]

    @after_a_commit
    def test_what_was_rolled_back_calls_nothing(self, table: Table, method: str) -> None:
        called: list[str] = []

        def goes_well(store: Store) -> None:
            with table.rolled_back(block=store.transaction()):
                getattr(store, method)(lambda: called.append("inner"))
            getattr(store, method)(lambda: called.append("outer"))

        def fails(store: Store) -> None:
            with store.transaction():
                getattr(store, method)(lambda: called.append("within"))
            raise Undone

        table.home.in_app_transaction(table.store, goes_well)
        with pytest.raises(Undone):
            table.home.in_app_transaction(table.store, fails)
        assert called == ["outer"]

    @after_a_commit
    def test_a_commit_that_fails_calls_nothing_and_leaves_nothing(self, table: Table, method: str) -> None:
        id = table.start()
        called: list[str] = []

        def app(store: Store) -> None:
            store.change(id, pause)
            getattr(store, method)(lambda: called.append("never"))
            table.home.break_connection(store)

        error = table.error_of(lambda: table.home.in_app_transaction(table.store, app))
        assert not table.store.is_transient(error)
        assert table.store.is_disconnect(error) or table.home.has_one_writer  # which is in this process, and never away
        table.store.let_go()
        assert (called, table.row(id).state, table.told(id)) == ([], State.READY, [])

    def test_outside_of_a_transaction_they_are_called_at_once(self, table: Table) -> None:
        called: list[str] = []
        table.store.on_commit(lambda: called.append("now"))
        assert called == ["now"]

    def test_one_that_raises_keeps_no_other_from_being_called(self, table: Table) -> None:
        called: list[str] = []

        def fail() -> None:
            raise Undone

        def app(store: Store) -> None:
            store.on_commit(fail)
            store.on_commit(lambda: called.append("all the same"))

        table.home.in_app_transaction(table.store, app)
        assert called == ["all the same"]

    def test_what_the_app_rolls_back_is_as_it_was(self, table: Table) -> None:
        id = table.start()
        before = table.row(id)

        def app(store: Store) -> None:
            store.change(id, pause)
            assert table.elsewhere(lambda: table.row(id)) == before
            raise Undone

        with pytest.raises(Undone):
            table.home.in_app_transaction(table.store, app)
        assert (table.row(id), table.told(id)) == (before, [])

    def test_what_a_step_left_open_is_committed_or_rolled_back(self, table: Table) -> None:
        for commit in (True, False):
            journey = table.load(table.start())
            mark = table.store.mark(journey)
            left = table.store.call_here(partial(table.home.leave_open, journey))
            assert table.elsewhere(partial(table.record, left)) is None
            table.store.tidy(mark, commit=commit)
            table.store.leave(mark)
            assert not table.store.in_transaction()
            assert (table.elsewhere(partial(table.record, left)) is not None) is commit

    def test_where_nothing_was_left_open_there_is_nothing_to_end(self, table: Table) -> None:
        journey, id = table.load(table.start()), table.start()
        with table.store.transaction():
            table.store.change(id, pause)
            mark = table.store.mark(journey)
            depth = table.store.block_depth(mark)
            table.store.tidy(mark, commit=False)
            assert table.store.block_depth(mark) == depth
            table.store.leave(mark)
            table.store.leave(mark)
        assert table.row(id).state is State.PAUSED

    def test_the_app_s_code_is_called_here(self, table: Table) -> None:
        def fail() -> None:
            raise Undone

        assert table.store.call_here(threading.get_ident) == threading.get_ident()
        with pytest.raises(Undone):
            table.store.call_here(fail)

    def test_a_journey_is_performed_by_hand_in_the_same_table(self, table: Table) -> None:
        id, store = table.start(), table.store.performing()
        assert store.claim(id, None, ME) is not None
        assert list(store.load([id])) == [id]
        assert table.row(id).performed_by == ME

    def test_an_awaitable_is_awaited_here(self, table: Table) -> None:
        id = table.start()

        async def three() -> int:
            await asyncio.sleep(0)
            return 3

        async def fails() -> None:
            raise Undone

        with table.store.atomic_step():
            table.store.change(id, pause)
            assert table.store.wait_here(three()) == 3
            with pytest.raises(Undone):
                table.store.wait_here(fails())
        assert table.row(id).state is State.PAUSED

    def test_a_loop_awaits_and_calls_sync_code(self, table: Table) -> None:
        id = table.start()

        async def body() -> State:
            state: State = await table.store.in_its_thread(lambda: table.row(id).state)
            return state

        async def loop() -> list[State]:
            return list(await asyncio.gather(table.store.awaited(body()), table.store.awaited(body())))

        assert asyncio.run(loop()) == [State.READY, State.READY]
        table.store.close_awaited()

    def test_what_is_raised_in_a_loop_comes_out_as_it_is(self, table: Table) -> None:
        async def body() -> None:
            raise Interruption(Canceled("enough"))

        with pytest.raises(Interruption) as raised:
            asyncio.run(table.store.awaited(body()))
        assert raised.value.outcome == Canceled("enough")
        table.store.close_awaited()

    def test_connections_can_be_let_go_and_closed_at_any_time(self, table: Table) -> None:
        id = table.start()
        for end in (table.store.let_go, table.store.retire, table.store.close, table.store.notify):
            end()
            assert table.row(id).state is State.READY

    def test_errors_of_the_app_are_neither_transient_nor_a_lost_connection(self, table: Table) -> None:
        for error in (ValueError("no"), KeyboardInterrupt(), LookupError("database")):
            assert not table.store.is_transient(error)
            assert not table.store.is_disconnect(error)
