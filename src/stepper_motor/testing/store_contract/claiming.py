"""Taking rows."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from stepper_motor.journeys.declarations import step
from stepper_motor.journeys.row import State
from stepper_motor.motor.clock import SetClock
from stepper_motor.motor.settings import Settings
from stepper_motor.sql import claims
from stepper_motor.testing.store_contract.table import ANOTHER, HOUR, ME, Table

LEASE = Settings().lease
GRACE = Settings().unknown_step_grace
NEXT_STATES = (State.PAUSED, State.CANCELED, State.FINISHED)


class Claiming:
    """`claim_due`, `claim_at_once`, `claim`, `claimed_by` and `next_due`."""

    def test_the_longest_due_is_claimed_first(self, table: Table, clock: SetClock) -> None:
        now = clock.now()
        late, later, latest = (table.start(at=now + minutes * timedelta(minutes=1)) for minutes in (3, 1, 2))
        clock.move(HOUR)
        assert [claim.id for claim in table.store.claim_due(10, ME)] == [later, latest, late]

    def test_of_those_due_together_the_smaller_key_is_claimed_first(self, table: Table) -> None:
        ids = sorted(table.start() for _ in range(4))
        claimed = [claim.id for claim in table.store.claim_due(3, ME)]
        assert sorted(claimed) == ids[:3]

    def test_no_more_are_claimed_than_asked_for(self, table: Table) -> None:
        ids = {table.start() for _ in range(3)}
        first, second, third = (table.store.claim_due(limit, ME) for limit in (2, 5, 5))
        assert (len(first), len(second), third) == (2, 1, [])
        assert {claim.id for claim in (*first, *second)} == ids

    def test_a_claim_takes_the_row_under_a_lease_and_leaves_the_rest(self, table: Table, clock: SetClock) -> None:
        id = table.start()
        before = table.row(id)
        clock.move(timedelta(seconds=5))
        (claim,) = table.store.claim_due(1, ME)
        assert claim == (id, before.next_step_to_be_performed_at, clock.now())
        assert table.row(id) == before._replace(
            state=State.PERFORMING, performed_by=ME, lease_expires_at=clock.now() + LEASE, updated_at=clock.now()
        )
        assert table.told(id) == []

    def test_the_lease_is_the_one_of_the_class(self, table: Table, clock: SetClock) -> None:
        Brief = table.home.define("ContractBrief", {"lease": 5, "first": step(lambda self: None, name="first")})
        brief, walk = table.start(cls=Brief), table.start()
        table.store.claim_due(10, ME)
        by_hand = table.claimed(cls=Brief)
        assert table.row(brief).lease_expires_at == clock.now() + timedelta(seconds=5)
        assert table.row(by_hand).lease_expires_at == clock.now() + timedelta(seconds=5)
        assert table.row(walk).lease_expires_at == clock.now() + LEASE

    def test_nothing_is_claimed_before_its_time(self, table: Table, clock: SetClock) -> None:
        id = table.start(at=clock.now() + HOUR)
        clock.move(HOUR - timedelta(microseconds=1))
        assert table.store.claim_due(10, ME) == []
        assert table.store.claim(id, None, ME) is None
        clock.move(timedelta(microseconds=1))
        assert [claim.id for claim in table.store.claim_due(10, ME)] == [id]

    @pytest.mark.parametrize("state", NEXT_STATES)
    def test_only_what_is_ready_is_claimed(self, table: Table, clock: SetClock, state: State) -> None:
        id = table.start()
        table.put(id, state=state, ended_at=None if state is State.PAUSED else clock.now())
        assert table.store.claim_due(10, ME) == []
        assert table.store.claim(id, None, ME) is None

    def test_what_is_held_is_not_claimed_again(self, table: Table) -> None:
        id = table.claimed(ANOTHER)
        assert table.store.claim_due(10, ME) == []
        assert table.store.claim(id, None, ME) is None
        assert table.row(id).performed_by == ANOTHER

    def test_the_bound_leaves_out_what_was_due_before(self, table: Table, clock: SetClock) -> None:
        early, late = table.start(at=clock.now() + HOUR), table.start(at=clock.now() + 2 * HOUR)
        bound = clock.now() + 2 * HOUR
        clock.move(3 * HOUR)
        assert [claim.id for claim in table.store.claim_due(10, ME, bound)] == [late]
        assert [claim.id for claim in table.store.claim_due(10, ME)] == [early]

    def test_sync_and_async_steps_can_be_claimed_apart(self, table: Table) -> None:
        sync, awaited = table.start(), table.start()
        table.put(awaited, next_step_name="second")
        assert [claim.id for claim in table.store.claim_due(10, ME, kind="async")] == [awaited]
        assert [claim.id for claim in table.store.claim_due(10, ME, kind="sync")] == [sync]

    def test_a_type_that_is_not_known_is_not_claimed(self, table: Table) -> None:
        table.start()
        table.store.registry.remove(table.Walk)
        assert table.store.claim_due(10, ME) == []
        assert table.store.next_due() is None

    def test_a_step_that_is_not_known_is_claimed_only_after_the_grace(self, table: Table, clock: SetClock) -> None:
        id = table.start()
        table.put(id, next_step_name="from a newer release")
        clock.move(GRACE - timedelta(microseconds=1))
        assert table.store.claim_due(10, ME) == []
        assert table.store.next_due() is None
        clock.move(timedelta(microseconds=1))
        assert table.store.claim_due(10, ME, kind="async") == []
        assert [claim.id for claim in table.store.claim_due(10, ME, kind="sync")] == [id]

    def test_a_former_name_of_a_step_is_known(self, table: Table) -> None:
        Renamed = table.home.define(
            "ContractRenamed", {"now": step(lambda self: None, name="now", formerly=("before", "long before"))}
        )
        id = table.start(cls=Renamed)
        table.put(id, next_step_name="before")
        assert [claim.id for claim in table.store.claim_due(10, ME)] == [id]

    def test_a_row_without_a_next_step_is_claimed(self, table: Table) -> None:
        id = table.start()
        table.put(id, next_step_name=None)
        assert table.store.claim_due(10, ME, kind="async") == []
        assert [claim.id for claim in table.store.claim_due(10, ME)] == [id]

    def test_one_row_is_claimed_with_the_fence_of_its_ticket(self, table: Table, clock: SetClock) -> None:
        id = table.start()
        fence = table.row(id).fence
        assert table.store.claim(id, "another fence", ME) is None
        claim = table.store.claim(id, fence, ME)
        assert claim == (id, clock.now(), clock.now())
        row = table.row(id)
        assert (row.state, row.performed_by, row.fence) == (State.PERFORMING, ME, fence)
        assert row.lease_expires_at == clock.now() + LEASE

    def test_a_ticket_claims_at_once_what_is_as_it_says(self, table: Table, clock: SetClock) -> None:
        id, other = table.start(), table.start()
        fence = table.row(id).fence
        claim, journey = table.store.claim_at_once(id, fence, ME) or pytest.fail("it was not claimed")
        assert claim == (id, clock.now(), clock.now())
        row = table.row(id)
        assert (row.state, row.performed_by, row.fence) == (State.PERFORMING, ME, fence)
        assert row.lease_expires_at == clock.now() + LEASE
        assert table.store.claim_at_once(id, fence, ANOTHER) is None
        assert table.row(other).state is State.READY
        if journey is not None:
            assert (journey._id, journey._row) == (id, row)

    @pytest.mark.parametrize("fence", ["another fence", "", "\0", "\ud800", "ß" * 1000])
    def test_a_ticket_with_another_fence_claims_nothing(self, table: Table, fence: str) -> None:
        id = table.start()
        assert table.store.claim_at_once(id, fence, ME) is None
        assert table.row(id).state is State.READY

    @pytest.mark.parametrize("values", [{"state": State.PAUSED}, {"next_step_name": "unknown"}], ids=repr)
    def test_a_ticket_claims_nothing_that_this_process_can_not_perform_now(
        self, table: Table, values: dict[str, Any]
    ) -> None:
        id = table.start()
        table.put(id, **values)
        assert table.store.claim_at_once(id, table.row(id).fence, ME) is None

    def test_a_ticket_that_is_early_or_whose_row_is_gone_claims_nothing(self, table: Table, clock: SetClock) -> None:
        early, gone = table.start(at=clock.now() + HOUR), table.start()
        fence = table.row(gone).fence
        table.delete(gone)
        assert table.store.claim_at_once(early, table.row(early).fence, ME) is None
        assert table.store.claim_at_once(gone, fence, ME) is None

    def test_a_ticket_waits_for_no_lock_when_it_claims_at_once(self, table: Table, row_locks: None) -> None:
        id = table.start()
        fence = table.row(id).fence
        with table.locked(id):
            assert table.store.claim_at_once(id, fence, ME) is None
        assert table.store.claim_at_once(id, fence, ME) is not None

    def test_a_row_that_is_gone_is_not_claimed(self, table: Table) -> None:
        id = table.start()
        table.delete(id)
        assert table.store.claim(id, None, ME) is None

    def test_what_a_performer_holds_can_be_asked_for(self, table: Table, clock: SetClock) -> None:
        mine, other = table.claimed(), table.claimed(ANOTHER)
        due = table.row(mine).next_step_to_be_performed_at
        clock.move(timedelta(seconds=1))
        assert table.store.claimed_by(ME) == [(mine, due, clock.now())]
        assert [claim.id for claim in table.store.claimed_by(ANOTHER)] == [other]
        assert table.store.claimed_by("nobody") == []

    def test_the_soonest_due_time_is_told_with_the_database_s_own(self, table: Table, clock: SetClock) -> None:
        assert table.store.next_due() is None
        soon, later = clock.now() + HOUR, clock.now() + 2 * HOUR
        table.start(at=later)
        first = table.start(at=soon)
        assert table.store.next_due() == (soon, clock.now())
        table.put(first, state=State.PAUSED)
        assert table.store.next_due() == (later, clock.now())

    def test_what_is_due_within_a_poll_interval_is_found_behind_any_number_of_others(
        self, table: Table, clock: SetClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(claims, "AHEAD", 2)
        soon = clock.now() + Settings().poll_interval
        for n in range(5):
            table.put(table.start(at=soon - timedelta(milliseconds=10 * (n + 1))), next_step_name="unknown")
        table.start(at=soon)
        assert table.store.next_due() == (soon, clock.now())

    def test_what_is_due_later_than_a_worker_sleeps_may_be_found_or_not_behind_others(
        self, table: Table, clock: SetClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(claims, "AHEAD", 2)
        later = clock.now() + HOUR
        for n in range(5):
            table.put(table.start(at=later - timedelta(minutes=n + 1)), next_step_name="unknown")
        table.start(at=later)
        assert table.store.next_due() in (None, (later, clock.now()))
        table.start(at=clock.now())
        assert table.store.next_due() == (clock.now(), clock.now())

    def test_rows_that_others_have_locked_are_passed_over(self, table: Table, row_locks: None) -> None:
        locked, free = table.start(), table.start()
        with table.locked(locked):
            assert [claim.id for claim in table.store.claim_due(10, ME)] == [free]
        assert [claim.id for claim in table.store.claim_due(10, ME)] == [locked]

    def test_two_who_claim_at_once_share_the_rows(self, table: Table) -> None:
        ids = [table.start() for _ in range(40)]

        def claims(holder: str) -> list[object]:
            mine: list[object] = []
            while batch := table.insisting(lambda: table.store.claim_due(3, holder)):
                mine += [claim.id for claim in batch]
            return mine

        first, second = table.side_by_side(lambda: claims(ME), lambda: claims(ANOTHER))
        left = [claim.id for claim in table.store.claim_due(40, ME)]
        assert sorted([*first, *second, *left]) == sorted(ids)
        assert {table.row(id).performed_by for id in second} <= {ANOTHER}

    def test_of_two_who_claim_one_row_one_gets_it(self, table: Table) -> None:
        ids = [table.start() for _ in range(10)]

        def claims(holder: str) -> list[bool]:
            return [table.insisting(partial(table.store.claim, id, None, holder)) is not None for id in ids]

        first, second = table.side_by_side(lambda: claims(ME), lambda: claims(ANOTHER))
        assert all(mine != other for mine, other in zip(first, second, strict=True))
