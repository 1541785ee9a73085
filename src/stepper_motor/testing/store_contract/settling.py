"""The ends of performances."""

from __future__ import annotations

import threading
from datetime import timedelta

from stepper_motor.journeys.lifecycle import Problem
from stepper_motor.journeys.outcomes import Completed, Failed, Finished, Paused, Reattempted
from stepper_motor.journeys.row import Onward, State, TheEnd
from stepper_motor.motor.clock import SetClock
from stepper_motor.motor.fences import new_fence
from stepper_motor.motor.ports import Settled, Settlement
from stepper_motor.testing.store_contract.table import ANOTHER, HOUR, ME, Table

MANY = 250


class Settling:
    """`settle`."""

    def test_a_normal_end_moves_the_row_and_is_told(self, table: Table, clock: SetClock) -> None:
        id = table.claimed()
        clock.move(timedelta(seconds=3))
        settlement = table.ended(id)
        transition = table.settle(settlement)
        row = table.row(id)
        assert transition.row == row
        assert (row.state, row.previous_step_name, row.next_step_name) == (State.READY, "first", "second")
        assert (row.next_step_to_be_performed_at, row.arrived_at) == (clock.now() + HOUR, clock.now())
        assert (row.steps_entered, row.steps_completed, row.fence) == (1, 1, settlement.new_fence)
        assert (row.performed_by, row.lease_expires_at, row.updated_at) == (None, None, clock.now())
        (entry,) = table.told(id)
        assert transition.entries == (entry,)
        assert (entry.step_name, entry.attempt, entry.outcome, entry.state) == ("first", 1, "completed", State.READY)
        assert (entry.by, entry.started_at, entry.finished_at) == (ME, clock.now(), clock.now())

    def test_the_last_end_finishes(self, table: Table, clock: SetClock) -> None:
        id = table.claimed()
        table.settle(table.ended(id, to=TheEnd()))
        row = table.row(id)
        assert (row.state, row.next_step_name, row.next_step_to_be_performed_at) == (State.FINISHED, None, None)
        assert row.ended_at == clock.now()

    def test_a_failure_is_told_with_its_error(self, table: Table) -> None:
        id = table.claimed()
        problem = Problem("ValueError", "no", "Traceback: no")
        table.settle(table.ended(id, Failed(ValueError("no"), Paused()), problem=problem))
        (entry,) = table.told(id)
        assert (entry.error_class, entry.message, entry.traceback) == ("ValueError", "no", "Traceback: no")
        assert (table.row(id).state, table.row(id).failures) == (State.PAUSED, 1)

    def test_nothing_is_written_with_another_fence(self, table: Table) -> None:
        id = table.claimed()
        settlement = table.ended(id)
        table.put(id, fence=new_fence())
        self._is_refused(table, settlement)

    def test_nothing_is_written_for_another_holder(self, table: Table) -> None:
        self._is_refused(table, table.ended(table.claimed(ANOTHER), holder=ME))

    def _is_refused(self, table: Table, settlement: Settlement) -> None:
        before = table.row(settlement.id)
        assert table.store.settle([settlement]) == Settled({settlement.id: None}, [])
        assert table.row(settlement.id) == before
        assert table.told(settlement.id) == []

    def test_one_that_is_refused_keeps_no_other_from_being_written(self, table: Table) -> None:
        good, bad = table.claimed(), table.claimed(ANOTHER)
        done, _ = table.store.settle([table.ended(bad, holder=ME), table.ended(good)])
        assert done[bad] is None
        assert done[good] is not None
        assert table.row(good).state is State.READY

    def test_a_row_that_is_gone_is_no_error(self, table: Table) -> None:
        id = table.claimed()
        settlement = table.ended(id)
        table.delete(id)
        assert table.store.settle([settlement], patient=True) == Settled({id: None}, [])
        assert table.store.settle([settlement]) == Settled({id: None}, [])

    def test_one_that_was_written_before_is_recognised(self, table: Table) -> None:
        id = table.claimed()
        settlement = table.ended(id)
        table.settle(settlement)
        after = table.row(id)
        assert table.settle(settlement).row == after == table.row(id)
        assert len(table.told(id)) == 1

    def test_one_that_kept_the_fence_is_recognised_too(self, table: Table) -> None:
        id = table.claimed()
        settlement = table.ended(id, Finished())
        table.settle(settlement)
        assert table.row(id).fence == settlement.fence
        assert table.settle(settlement, patient=True).row == table.row(id)
        assert len(table.told(id)) == 1

    def test_it_is_recognised_after_others_have_claimed_the_next_step(self, table: Table, clock: SetClock) -> None:
        id = table.claimed()
        settlement = table.ended(id, to=Onward("second", clock.now()))
        table.settle(settlement)
        assert table.store.claim(id, None, ANOTHER) is not None
        assert (table.settle(settlement).row.state, table.row(id).performed_by) == (State.READY, ANOTHER)
        assert len(table.told(id)) == 1

    def test_what_the_step_left_is_written_with_it(self, table: Table) -> None:
        cls, values = table.home.with_columns()
        own = Table(table.home, cls)
        id = own.claimed(data={"before": True})
        own.settle(own.ended(id, data='{"left": ["ä", 1.5, null]}', own=dict(values)))
        after = own.load(id)
        assert after.data == {"left": ["ä", 1.5, None]}
        assert {name: getattr(after, name) for name in values} == values

    def test_what_the_step_did_not_change_is_left_alone(self, table: Table, clock: SetClock) -> None:
        cls, values = table.home.with_columns()
        own = Table(table.home, cls)
        id = own.claimed()
        own.settle(own.ended(id, to=Onward("second", clock.now()), data='{"kept": 1}', own=dict(values)))
        assert own.store.claim(id, None, ME) is not None
        own.settle(own.ended(id, to=TheEnd()))
        after = own.load(id)
        assert after.data == {"kept": 1}
        assert {name: getattr(after, name) for name in values} == values

    def test_a_pause_meanwhile_holds(self, table: Table) -> None:
        id = table.claimed()
        settlement = table.ended(id)
        table.put(id, state=State.PAUSED, reason="look at it")
        table.settle(settlement)
        row = table.row(id)
        assert (row.state, row.reason, row.next_step_name) == (State.PAUSED, "look at it", "second")
        assert row.performed_by is None

    def test_a_cancel_meanwhile_holds(self, table: Table, clock: SetClock) -> None:
        id = table.claimed()
        settlement = table.ended(id)
        due, canceled_at = table.row(id).next_step_to_be_performed_at, clock.now()
        table.put(id, state=State.CANCELED, reason="left", ended_at=canceled_at)
        clock.move(HOUR)
        table.settle(settlement)
        row = table.row(id)
        assert (row.state, row.reason, row.ended_at) == (State.CANCELED, "left", canceled_at)
        assert (row.next_step_name, row.next_step_to_be_performed_at) == ("second", due)
        assert (row.steps_entered, row.steps_completed, row.performed_by) == (1, 1, None)

    def test_a_budget_of_failures_that_was_renewed_meanwhile_counts(self, table: Table) -> None:
        id = table.claimed()
        table.put(id, failures=3, losses=1)
        settlement = table.ended(id, Failed(ValueError("no"), Paused()), problem=Problem("ValueError", "no"))
        table.put(id, failures=0, losses=0)  # as a pause and a resume do
        table.settle(settlement)
        assert (table.row(id).failures, table.row(id).losses) == (1, 0)

    def test_a_step_that_is_due_at_once_is_claimed_in_the_same_write(self, table: Table, clock: SetClock) -> None:
        id = table.claimed()
        before = table.row(id)
        clock.move(timedelta(seconds=2))
        until = clock.now() + timedelta(seconds=60)
        settlement = table.ended(id, to=Onward("second", clock.now()), run_on_lease=until)
        transition = table.settle(settlement)
        row = table.row(id)
        assert transition.row == row
        assert (row.state, row.performed_by, row.lease_expires_at) == (State.PERFORMING, ME, until)
        assert (row.next_step_name, row.fence) == ("second", settlement.new_fence)
        assert row.next_step_to_be_performed_at == before.next_step_to_be_performed_at
        assert [entry.state for entry in table.told(id)] == [State.PERFORMING]

    def test_one_that_ran_on_is_recognised(self, table: Table, clock: SetClock) -> None:
        id = table.claimed()
        settlement = table.ended(id, to=Onward("second", clock.now()), run_on_lease=clock.now() + HOUR)
        table.settle(settlement)
        assert table.settle(settlement).row == table.row(id)
        assert len(table.told(id)) == 1

    def test_no_reattempt_and_nothing_that_waits_runs_on(self, table: Table, clock: SetClock) -> None:
        again, waits = table.claimed(), table.claimed()
        until, soon = clock.now() + HOUR, clock.now() + timedelta(microseconds=1)
        table.settle(table.ended(again, Reattempted(0), Onward("first", clock.now()), run_on_lease=until))
        table.settle(table.ended(waits, to=Onward("second", soon), run_on_lease=until))
        assert [table.row(id).state for id in (again, waits)] == [State.READY, State.READY]

    def test_hundreds_are_written_together(self, table: Table) -> None:
        ids = [table.start() for _ in range(MANY)]
        assert len(table.store.claim_due(MANY, ME)) == MANY
        ends = [table.ended(id, Completed(), TheEnd() if n % 2 else None) for n, id in enumerate(ids)]
        ends[7].data = '{"seven": 7}'
        done, _ = table.store.settle(ends)
        assert all(done.values())
        states = [journey._row.state for journey in map(table.store.load(ids).get, ids) if journey]
        assert states == [State.FINISHED if n % 2 else State.READY for n in range(MANY)]
        assert table.load(ids[7]).data == {"seven": 7}

    def test_what_others_have_locked_is_said_and_the_rest_written(self, table: Table, row_locks: None) -> None:
        locked, free = table.claimed(), table.claimed()
        ends = [table.ended(locked), table.ended(free)]
        with table.locked(locked):
            done, left = table.store.settle(ends)
        assert left == [ends[0]]
        assert list(done) == [free]
        assert (table.row(locked).state, table.row(free).state) == (State.PERFORMING, State.READY)

    def test_a_patient_one_waits_for_the_lock(self, table: Table, row_locks: None) -> None:
        id = table.claimed()
        settlement = table.ended(id)
        with table.locked(id) as let_go:
            threading.Timer(0.2, let_go).start()
            table.settle(settlement, patient=True)
        assert table.row(id).next_step_name == "second"
