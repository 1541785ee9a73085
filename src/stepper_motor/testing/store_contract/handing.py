"""What a queue is told of."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stepper_motor.journeys.row import State
from stepper_motor.motor.clock import SetClock
from stepper_motor.motor.ports import Ready
from stepper_motor.motor.settings import Settings
from stepper_motor.testing.store_contract.table import HOUR, Table

MINUTE = timedelta(minutes=1)
INSTANT = timedelta(microseconds=1)
GRACE = Settings().unknown_step_grace


class HandingOver:
    """`hand_over`, `hand_over_again`, `take_back` and `forget_tickets`."""

    def test_what_nobody_claimed_is_handed_over_when_it_is_overdue(self, table: Table, clock: SetClock) -> None:
        id, due = table.start(), clock.now()
        clock.set(due + MINUTE - INSTANT)
        assert table.store.hand_over(None, 10) == []
        clock.set(due + MINUTE)
        fence, name = table.row(id).fence, table.Walk.definition.type_name
        assert table.store.hand_over(None, 10) == [Ready(id, fence, due, name, "first")]

    def test_the_same_ticket_is_handed_over_again_after_intervals_that_double(
        self, table: Table, clock: SetClock
    ) -> None:
        id = table.start()
        clock.move(MINUTE)
        for minutes in (1, 2, 4, 8, 16, 32, 60, 60):
            assert [ready.id for ready in table.store.hand_over(None, 10)] == [id]
            clock.move(minutes * MINUTE - INSTANT)
            assert table.store.hand_over(None, 10) == []
            clock.move(INSTANT)

    def test_what_became_ready_a_moment_ago_is_not_overdue_however_long_its_time_is_past(
        self, table: Table, clock: SetClock
    ) -> None:
        id = table.start()
        clock.move(HOUR)
        table.put(id, updated_at=clock.now())
        assert table.store.hand_over(None, 10) == []
        clock.move(MINUTE)
        assert [ready.id for ready in table.store.hand_over(None, 10)] == [id]

    def test_what_the_queue_could_not_be_reached_for_comes_again_in_a_minute_however_often(
        self, table: Table, clock: SetClock
    ) -> None:
        id = table.start()
        for _ in range(5):
            clock.move(MINUTE)
            ready = table.store.hand_over(None, 10)
            assert [each.id for each in ready] == [id]
            table.store.take_back(ready)
            assert table.store.hand_over(None, 10) == []
        clock.move(MINUTE)
        assert len(table.store.hand_over(None, 10)) == 1

    def test_a_journey_that_has_gone_on_meanwhile_is_not_taken_back(self, table: Table, clock: SetClock) -> None:
        id = table.start()
        clock.move(MINUTE)
        old = table.store.hand_over(None, 10)
        table.put(id, fence="another")
        new = table.store.hand_over(None, 10)
        clock.move(MINUTE)
        table.store.hand_over(None, 10)
        table.store.take_back(old)
        clock.move(MINUTE)
        assert table.store.hand_over(None, 10) == []
        clock.move(MINUTE)
        assert table.store.hand_over(None, 10) == new

    def test_a_journey_at_a_step_that_nobody_knows_is_handed_over_after_the_grace(
        self, table: Table, clock: SetClock
    ) -> None:
        """Whoever performs it then pauses it."""
        id = table.start()
        table.put(id, next_step_name="unknown")
        clock.move(GRACE)
        assert [ready.step for ready in table.store.hand_over(None, 10)] == ["unknown"]
        table.put(id, fence="another", next_step_to_be_performed_at=clock.now())
        clock.move(GRACE - INSTANT)
        assert table.store.hand_over(None, 10) == []

    def test_a_new_fence_is_a_new_ticket(self, table: Table, clock: SetClock) -> None:
        id = table.start()
        clock.move(MINUTE)
        assert len(table.store.hand_over(None, 10)) == 1
        table.put(id, fence="another")
        assert [ready.fence for ready in table.store.hand_over(None, 10)] == ["another"]

    def test_what_comes_within_the_horizon_is_handed_over_once(self, table: Table, clock: SetClock) -> None:
        id = table.start(at=clock.now() + 3 * HOUR)
        assert table.store.hand_over(HOUR, 10) == []
        clock.move(2 * HOUR)
        assert [ready.id for ready in table.store.hand_over(HOUR, 10)] == [id]
        assert table.store.hand_over(HOUR, 10) == []

    def test_what_became_ready_within_the_horizon_was_given_its_ticket_then(
        self, table: Table, clock: SetClock
    ) -> None:
        table.start(at=clock.now() + HOUR)
        clock.move(30 * MINUTE)
        assert table.store.hand_over(HOUR, 10) == []

    def test_the_longest_due_come_first_and_no_more_than_asked_for(self, table: Table, clock: SetClock) -> None:
        late, early = table.start(at=clock.now() + MINUTE), table.start(at=clock.now())
        clock.move(HOUR)
        assert [ready.id for ready in table.store.hand_over(None, 1)] == [early]
        assert [ready.id for ready in table.store.hand_over(None, 1)] == [late]

    @pytest.mark.parametrize("state", [State.PAUSED, State.PERFORMING])
    def test_only_what_is_ready_is_handed_over(self, table: Table, clock: SetClock, state: State) -> None:
        held = state is State.PERFORMING
        id = table.claimed() if held else table.start()
        table.put(id, state=state)
        clock.move(HOUR)
        assert table.store.hand_over(None, 10) == []
        assert table.store.hand_over_again(id, table.row(id).fence) is None

    def test_a_ticket_that_came_early_is_handed_over_again_by_the_same_rule(
        self, table: Table, clock: SetClock
    ) -> None:
        id = table.start(at=clock.now() + HOUR)
        fence = table.row(id).fence
        assert table.store.hand_over_again(id, "an older fence") is None
        again = table.store.hand_over_again(id, fence)
        assert again is not None
        assert (again.id, again.fence, again.due) == (id, fence, clock.now() + HOUR)
        assert table.store.hand_over_again(id, fence) is None
        clock.move(HOUR + MINUTE)
        assert table.store.hand_over_again(id, fence) is not None

    def test_marks_that_are_of_no_use_any_more_are_forgotten(self, table: Table, clock: SetClock) -> None:
        table.start()
        clock.move(MINUTE)
        table.store.hand_over(None, 10)
        assert table.store.forget_tickets() == 0
        clock.move(26 * HOUR)
        assert table.store.forget_tickets() == 1
        assert table.store.forget_tickets() == 0

    def test_of_two_who_sweep_at_once_one_hands_over(self, table: Table, clock: SetClock) -> None:
        ids = [table.start() for _ in range(20)]
        clock.move(MINUTE)

        def sweep() -> list[object]:
            handed: list[object] = []
            while batch := table.insisting(lambda: table.store.hand_over(None, 3)):
                handed += [ready.id for ready in batch]
            return handed

        first, second = table.side_by_side(sweep, sweep)
        left = [ready.id for ready in table.store.hand_over(None, 20)]
        assert sorted([*first, *second, *left]) == sorted(ids)
