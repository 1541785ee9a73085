"""Holding on to rows, or giving them back."""

from __future__ import annotations

import threading
from datetime import timedelta
from functools import partial

import pytest

from stepper_motor.journeys.row import State
from stepper_motor.motor.clock import SetClock
from stepper_motor.motor.ports import Holding, Renewed, Settled
from stepper_motor.testing.store_contract.table import ANOTHER, ME, Table

LEASE = timedelta(seconds=90)


class KeepingHold:
    """`renew` and `hand_back`."""

    def test_a_renewal_prolongs_the_lease_and_nothing_else(self, table: Table, clock: SetClock) -> None:
        ids = [table.claimed(), table.claimed()]
        before = [table.row(id) for id in ids]
        clock.move(timedelta(seconds=20))
        assert table.store.renew([table.holding(id) for id in ids], ME, LEASE) == Renewed(set(), set())
        assert [table.row(id) for id in ids] == [r._replace(lease_expires_at=clock.now() + LEASE) for r in before]

    def test_a_paused_row_is_renewed_while_its_step_runs(self, table: Table, clock: SetClock) -> None:
        id = table.claimed()
        table.put(id, state=State.PAUSED)
        assert table.store.renew([table.holding(id)], ME, LEASE) == Renewed(set(), set())
        assert table.row(id).lease_expires_at == clock.now() + LEASE

    def test_what_is_not_held_any_more_is_gone(self, table: Table) -> None:
        mine, taken, freed, deleted = (table.claimed() for _ in range(4))
        holdings = [table.holding(id) for id in (mine, taken, freed, deleted)]
        table.put(taken, performed_by=ANOTHER)
        table.put(freed, state=State.READY, performed_by=None, lease_expires_at=None)
        table.delete(deleted)
        before = table.row(taken)
        assert table.store.renew(holdings, ME, LEASE) == Renewed({taken, freed, deleted}, set())
        assert table.row(taken) == before

    def test_another_fence_is_gone(self, table: Table) -> None:
        id = table.claimed()
        assert table.store.renew([Holding(id, "an older fence")], ME, LEASE) == Renewed({id}, set())

    def test_nothing_comes_of_nothing(self, table: Table, clock: SetClock) -> None:
        table.claimed()
        assert table.store.renew([], ME, LEASE) == Renewed(set(), set())
        assert table.store.settle([]) == Settled({}, [])
        assert table.store.hand_back([], ME) == {}
        assert table.store.change_many({}) == {}
        assert table.store.load([]) == table.store.load_again({}) == {}
        assert table.store.ended([], clock.now(), 10) == []
        assert table.store.delete_ended([], clock.now()) == 0

    def test_a_renewal_passes_over_what_others_have_locked(
        self, table: Table, clock: SetClock, row_locks: None
    ) -> None:
        locked, free = table.claimed(), table.claimed()
        holdings = [table.holding(locked), table.holding(free)]
        before = table.row(locked)
        with table.locked(locked):
            assert table.store.renew(holdings, ME, LEASE) == Renewed(set(), {locked})
        assert table.row(locked) == before
        assert table.row(free).lease_expires_at == clock.now() + LEASE

    def test_a_patient_renewal_waits_for_the_lock(self, table: Table, clock: SetClock, row_locks: None) -> None:
        id = table.claimed()
        holding = table.holding(id)
        with table.locked(id) as let_go:
            threading.Timer(0.2, let_go).start()
            assert table.store.renew([holding], ME, LEASE, patience=10.0) == Renewed(set(), set())
        assert table.row(id).lease_expires_at == clock.now() + LEASE

    def test_where_the_patience_is_not_enough_the_error_is_transient(self, table: Table, row_locks: None) -> None:
        id = table.claimed()
        holding = table.holding(id)
        renew = partial(table.store.renew, [holding], ME, LEASE, patience=0.1)
        hand_back = partial(table.store.hand_back, [holding], ME, patience=0.1)
        with table.locked(id):
            errors = [table.error_of(renew), table.error_of(hand_back)]
        assert all(table.store.is_transient(error) for error in errors)
        assert not any(table.store.is_disconnect(error) for error in errors)
        assert table.row(id).state is State.PERFORMING

    def test_what_is_handed_back_is_ready_under_a_new_fence_and_untold(self, table: Table, clock: SetClock) -> None:
        id = table.start()
        before = table.row(id)
        clock.move(timedelta(seconds=5))
        table.store.claim(id, None, ME)
        freed = table.store.hand_back([table.holding(id)], ME)
        row = table.row(id)
        assert freed == {id: row}
        assert row.fence != before.fence
        assert row == before._replace(fence=row.fence, updated_at=clock.now())
        assert table.told(id) == []

    @pytest.mark.parametrize("state", [State.PAUSED, State.CANCELED])
    def test_what_was_stopped_meanwhile_stays_so(self, table: Table, clock: SetClock, state: State) -> None:
        id = table.claimed()
        ended_at = clock.now() if state is State.CANCELED else None
        table.put(id, state=state, reason="somebody said so", ended_at=ended_at)
        (row,) = table.store.hand_back([table.holding(id)], ME).values()
        assert (row.state, row.reason, row.ended_at) == (state, "somebody said so", ended_at)
        assert (row.performed_by, row.lease_expires_at) == (None, None)
        assert table.row(id) == row

    def test_only_what_is_held_is_handed_back(self, table: Table) -> None:
        mine, taken, deleted = (table.claimed() for _ in range(3))
        holdings = [table.holding(id) for id in (mine, taken, deleted)]
        table.put(taken, performed_by=ANOTHER)
        table.delete(deleted)
        assert list(table.store.hand_back([*holdings, Holding(mine, "an older fence")], ME)) == [mine]
        assert table.row(taken).performed_by == ANOTHER

    def test_a_hand_back_passes_over_what_others_have_locked(self, table: Table, row_locks: None) -> None:
        locked, free = table.claimed(), table.claimed()
        holdings = [table.holding(locked), table.holding(free)]
        with table.locked(locked):
            assert list(table.store.hand_back(holdings, ME)) == [free]
        assert table.row(locked).performed_by == ME

    def test_a_patient_hand_back_waits_for_the_lock(self, table: Table, row_locks: None) -> None:
        id = table.claimed()
        holding = table.holding(id)
        with table.locked(id) as let_go:
            threading.Timer(0.2, let_go).start()
            assert list(table.store.hand_back([holding], ME, patience=10.0)) == [id]
        assert table.row(id).state is State.READY
