"""What a settlement makes of the row that a store finds: whether it still may, and whether it did so before.

Every store decides by these; how the row is found and written is its own affair.
"""

from __future__ import annotations

from stepper_motor.journeys import lifecycle
from stepper_motor.journeys.outcomes import Completed, Skipped
from stepper_motor.journeys.row import Row, State, Transition
from stepper_motor.motor.ports import Holding, Settlement


def holds(row: Row | None, holding: Holding, holder: str) -> bool:
    """Whether the row is there, and this performer holds it."""
    return row is not None and row.fence == holding.fence and row.performed_by == holder


def was_applied(row: Row, settlement: Settlement) -> bool:
    """Whether the settlement was written before: only the answer of that commit was lost."""
    return row.fence == settlement.new_fence or (row.fence == settlement.fence and row.performed_by is None)


def as_applied(row: Row, settlement: Settlement) -> Transition:
    """The row as it stands now, unless somebody has claimed it since: then as the settlement left it."""
    then = _transition(settlement.row, settlement)
    return then if row.held and not then.row.held else Transition(row)


def applied(row: Row, settlement: Settlement) -> Transition | None:
    """What becomes of the row; None: the performer does not hold it any more."""
    if row.fence != settlement.fence or row.performed_by != settlement.holder:
        return None
    return _transition(row, settlement)


def _transition(row: Row, settlement: Settlement) -> Transition:
    transition = lifecycle.settle(row, settlement.ending, settlement.now, settlement.new_fence)
    if _runs_on(transition.row, settlement):
        assert settlement.run_on_lease
        row_on = lifecycle.run_on(transition.row, settlement.holder, settlement.run_on_lease, row)
        transition = Transition(row_on, (transition.entries[0]._replace(state=State.PERFORMING),))
    return transition


def _runs_on(after: Row, settlement: Settlement) -> bool:
    due = after.next_step_to_be_performed_at
    return (
        settlement.run_on_lease is not None
        and after.state is State.READY
        and isinstance(settlement.ending.outcome, Completed | Skipped)
        and due is not None
        and due <= settlement.now
    )
