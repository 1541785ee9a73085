"""No order of moves leads a row to where SEMANTICS does not let it be.

A machine plays with one row as everybody does who may touch it: performers, heartbeats, recovery, people with verbs and
the clock. After every move it looks at the row, at the step that was made, and at the history.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from stepper_motor.journeys import interventions
from stepper_motor.journeys.errors import InvalidState
from stepper_motor.journeys.interventions import Intervention
from stepper_motor.journeys.lifecycle import (
    Ending,
    Loss,
    Problem,
    claim,
    claimable,
    depart,
    hand_back,
    recover,
    run_on,
    settle,
)
from stepper_motor.journeys.outcomes import (
    Canceled,
    Completed,
    Failed,
    Finished,
    Jumped,
    Lost,
    Outcome,
    Paused,
    Reattempted,
    Skipped,
)
from stepper_motor.journeys.row import (
    ENDED,
    Destination,
    OffTheMap,
    Onward,
    Row,
    State,
    Stranded,
    TheEnd,
    Transition,
)
from tests.journeys.rows import NOW

STEPS = ("pack", "charge", "ship")
LEASE = timedelta(seconds=60)
NOTHING: frozenset[State] = frozenset()
READY, PERFORMING, PAUSED, CANCELED, FINISHED = State

EDGES: dict[str, dict[State, frozenset[State]]] = {
    "claim": {READY: frozenset({PERFORMING})},
    "settle": {
        PERFORMING: frozenset({READY, PERFORMING, PAUSED, CANCELED, FINISHED}),  # performing: it runs on
        PAUSED: frozenset({PAUSED, CANCELED, FINISHED}),
        CANCELED: frozenset({CANCELED}),
    },
    "recover": {
        PERFORMING: frozenset({READY, PAUSED, CANCELED, FINISHED}),
        PAUSED: frozenset({PAUSED, CANCELED, FINISHED}),
        CANCELED: frozenset({CANCELED}),
    },
    "hand back": {
        PERFORMING: frozenset({READY}),
        PAUSED: frozenset({PAUSED}),
        CANCELED: frozenset({CANCELED}),
    },
    "pause": {READY: frozenset({PAUSED}), PERFORMING: frozenset({PAUSED})},
    "cancel": {state: frozenset({CANCELED}) for state in (READY, PERFORMING, PAUSED)},
    "resume": {PAUSED: frozenset({READY, PERFORMING})},
    "skip": {state: frozenset({READY, FINISHED}) for state in (READY, PAUSED)},
    "reattempt": {state: frozenset({READY}) for state in (READY, PAUSED)},
    "reschedule": {state: frozenset({state}) for state in (READY, PAUSED)},
    "jump_to": {state: frozenset({READY}) for state in (READY, PAUSED, FINISHED, CANCELED)},
    "finish": {state: frozenset({FINISHED}) for state in (READY, PAUSED)},
}
"""Every change of state that SEMANTICS, section 2, knows."""

RECOVER_FIRST = ("resume", "skip", "reattempt", "reschedule", "jump_to", "finish")
KEEP_THE_FENCE = ("claim", "renew", "pause", "cancel")
MOVED_BY_A_SETTLEMENT_UNDER_A_CANCEL = {
    "previous_step_name", "next_step_name", "steps_entered", "steps_completed", "fence", "performed_by",
    "lease_expires_at", "updated_at",
}  # fmt: skip

VERBS: dict[str, Callable[[Row, Destination, Intervention], Transition]] = {
    "pause": lambda row, to, told: interventions.pause(row, told),
    "cancel": lambda row, to, told: interventions.cancel(row, told),
    "resume": lambda row, to, told: interventions.resume(row, told),
    "skip": interventions.skip,
    "reattempt": interventions.reattempt,
    "reschedule": interventions.reschedule,
    "jump_to": interventions.jump_to,
    "finish": lambda row, to, told: interventions.finish(row, told),
}

waits = st.sampled_from([timedelta(), timedelta(), timedelta(seconds=30), timedelta(days=2)])
spans = st.sampled_from([timedelta(seconds=1), timedelta(seconds=45), timedelta(minutes=5), timedelta(days=3)])
maps = st.sampled_from(["sound", "sound", "sound", "broken wait", "removed"])
handled = st.sampled_from([Paused(), Canceled("too often"), Skipped(), Reattempted(), Jumped("pack"), Finished()])
outcomes: st.SearchStrategy[Outcome] = st.one_of(
    st.sampled_from([Completed(), Completed(), Completed(), Skipped(), Finished(), Reattempted(), Jumped("ship")]),
    st.sampled_from([Paused("why"), Canceled("why")]),
    handled.map(lambda then: Failed(KeyError("card"), then)),
    st.builds(Lost, st.sampled_from(["reattempt", "pause", "skip", "cancel"]), st.booleans()),
)


class OneJourney(RuleBasedStateMachine):
    @initialize(wait=waits)
    def begins(self, wait: timedelta) -> None:
        self.now = NOW
        self.fences = 0
        self.row = depart(Onward(STEPS[0], NOW + wait), NOW, self.fresh())
        self.performances = 0
        """Claimed and begun, and over by now or not."""
        self.told = 0
        """Performances in the history."""

    def fresh(self) -> str:
        self.fences += 1
        return f"fence {self.fences}"

    # ------------------------------------------------------------------------------------------ the moves

    @rule(span=spans)
    def time_passes(self, span: timedelta) -> None:
        self.now += span

    @precondition(lambda self: claimable(self.row, self.now))
    @rule()
    def is_claimed(self) -> None:
        self.performances += 1
        self.moves("claim", claim(self.row, "worker", self.now + LEASE, self.now))

    @precondition(lambda self: self.row.held)
    @rule()
    def is_renewed(self) -> None:
        self.moves("renew", self.row._replace(lease_expires_at=self.now + LEASE))

    @precondition(lambda self: self.row.held)
    @rule()
    def is_handed_back(self) -> None:
        self.performances -= 1
        self.moves("hand back", hand_back(self.row, self.now, self.fresh()))

    @precondition(lambda self: self.row.held)
    @rule(outcome=outcomes, entered=st.booleans(), wait=waits, map=maps, runs_on=st.booleans())
    def is_settled(self, outcome: Outcome, entered: bool, wait: timedelta, map: str, runs_on: bool) -> None:
        before = self.row
        problem = Problem("KeyError", "card") if isinstance(outcome, Failed) else None
        destination = self.destination(outcome, wait, map)
        ending = Ending(before.next_step_name or "", outcome, entered, self.now, destination, problem)
        after, entries, refusal = settle(before, ending, self.now, self.fresh())
        assert refusal is None
        self.told += len(entries)
        if runs_on and claimable(after, self.now):
            self.performances += 1
            after = run_on(after, "worker", self.now + LEASE, before)
        self.moves("settle", after)

    @precondition(lambda self: self.row.held and self.row.lapsed(self.now))
    @rule(if_lost=st.sampled_from(["reattempt", "reattempt", "pause", "skip", "cancel"]), wait=waits, map=maps)
    def is_recovered(self, if_lost: str, wait: timedelta, map: str) -> None:
        loss = self.loss(if_lost, wait, map)
        after, entries, _ = recover(self.row, loss, self.now, self.fresh())
        self.told += len(entries)
        self.moves("recover", after)

    @rule(
        verb=st.sampled_from(list(VERBS)),
        wait=waits,
        map=maps,
        if_lost=st.sampled_from(["reattempt", "pause", "skip", "cancel"]),
        stale=st.booleans(),
    )
    def somebody_intervenes(self, verb: str, wait: timedelta, map: str, if_lost: str, stale: bool) -> None:
        loss = self.loss(if_lost, wait, "sound")
        seen = "an older fence" if stale else self.row.fence
        told = Intervention(self.now, self.fresh(), seen, "Ada", "she said so", loss)
        try:
            transition = VERBS[verb](self.row, self.destination_of_a_verb(verb, wait, map), told)
        except (InvalidState, OSError):
            return
        performances = [entry for entry in transition.entries if entry.attempt is not None]
        self.told += len(performances)
        assert len(transition.entries) == len(performances) + (transition.refusal is None)
        self.moves(verb, transition.row)

    # -------------------------------------------------------------------------------- where a move may lead

    def destination(self, outcome: Outcome, wait: timedelta, map: str) -> Destination | None:
        this = self.row.next_step_name or ""
        decided = outcome.then if isinstance(outcome, Failed) else outcome
        match decided:
            case Completed() | Skipped():
                return self.following(wait, map)
            case Lost(if_lost):
                return self.following(wait, map) if if_lost == "skip" or map == "removed" else None
            case Reattempted():
                return OffTheMap(this) if map == "removed" else self.again(this, wait, map)
            case Jumped(step):
                return Onward(step, self.now + wait)
        return None

    def following(self, wait: timedelta, map: str) -> Destination:
        this = self.row.next_step_name
        if map == "removed" or this is None:
            return OffTheMap(this or "")
        if this == STEPS[-1]:
            return TheEnd()
        step = STEPS[STEPS.index(this) + 1]
        return Stranded(step, OSError()) if map == "broken wait" else Onward(step, self.now + wait)

    def loss(self, if_lost: str, wait: timedelta, map: str) -> Loss:
        return Loss(if_lost, self.following(wait, map) if if_lost == "skip" or map == "removed" else None)

    def destination_of_a_verb(self, verb: str, wait: timedelta, map: str) -> Destination:
        this = self.row.next_step_name
        if verb == "jump_to":
            return Onward(STEPS[0], self.now + wait)
        if verb == "skip" or this is None or map == "removed":
            return self.following(wait, map)
        return self.again(this, wait, map)

    def again(self, this: str, wait: timedelta, map: str) -> Destination:
        return Stranded(this, OSError()) if map == "broken wait" else Onward(this, self.now + wait)

    # ------------------------------------------------------------------------------ what must hold of a move

    def moves(self, move: str, after: Row) -> None:
        before, self.row = self.row, after
        self.leads_where_it_may(move, before, after)
        self.has_the_right_fence(move, before, after)
        self.counts_forward(before, after)
        self.begins_anew_at_another_step(move, before, after)
        self.moves_little_under_a_cancel(move, before, after)

    def leads_where_it_may(self, move: str, before: Row, after: Row) -> None:
        if move != "renew":
            is_lost = before.held and before.lapsed(self.now) and move in RECOVER_FIRST
            allowed = recovered_first(move, before.state) if is_lost else EDGES[move].get(before.state, NOTHING)
            assert after.state in allowed, f"{move}: {before.state} -> {after.state}"

    def has_the_right_fence(self, move: str, before: Row, after: Row) -> None:
        assert after.fence in (before.fence, f"fence {self.fences}")
        if after.state is READY or move in ("hand back", "recover"):
            assert after.fence != before.fence, f"{move}: an old ticket or performer still fits"
        if move in KEEP_THE_FENCE or (move == "resume" and after.held):
            assert after.fence == before.fence, f"{move}: the performer lost its fence"

    def counts_forward(self, before: Row, after: Row) -> None:
        assert before.steps_entered <= after.steps_entered <= before.steps_entered + 1
        assert before.steps_completed <= after.steps_completed <= before.steps_completed + 1
        assert before.round <= after.round <= before.round + 1

    def begins_anew_at_another_step(self, move: str, before: Row, after: Row) -> None:
        moved = before.next_step_name != after.next_step_name and after.state is not CANCELED
        if moved:
            assert (after.attempts, after.failures, after.losses) == (0, 0, 0)
        if moved and after.next_step_name is not None:
            assert after.arrived_at == self.now
        if after.arrived_at != before.arrived_at:
            assert moved or after.round > before.round, f"{move}: it came to no other step"

    def moves_little_under_a_cancel(self, move: str, before: Row, after: Row) -> None:
        if before.state is CANCELED and move != "jump_to":
            changed = {name for name in Row._fields if getattr(before, name) != getattr(after, name)}
            assert changed <= MOVED_BY_A_SETTLEMENT_UNDER_A_CANCEL

    # ------------------------------------------------------------------------------- what must hold of a row

    @invariant()
    def a_row_is_held_by_somebody_under_a_lease_or_not_at_all(self) -> None:
        assert (self.row.performed_by is None) == (self.row.lease_expires_at is None)
        assert self.row.held or self.row.state is not PERFORMING
        assert not self.row.held or self.row.state not in (READY, FINISHED)

    @invariant()
    def a_ready_row_has_a_due_time_and_every_row_a_fence(self) -> None:
        assert self.row.state is not READY or self.row.next_step_to_be_performed_at is not None
        assert self.row.fence

    @invariant()
    def an_ended_row_and_no_other_knows_when_it_ended(self) -> None:
        assert (self.row.ended_at is not None) == (self.row.state in ENDED)

    @invariant()
    def a_finished_row_leads_nowhere_and_every_other_somewhere(self) -> None:
        if self.row.state is FINISHED:
            assert self.row.next_step_name is None
            assert self.row.next_step_to_be_performed_at is None
        elif self.row.state is not CANCELED:
            assert self.row.next_step_name in STEPS

    @invariant()
    def counters_agree(self) -> None:
        row = self.row
        assert 0 <= row.steps_completed <= row.steps_entered
        assert min(row.failures, row.losses) >= 0
        assert row.failures + row.losses <= row.attempts
        assert row.losses < 3 or row.state not in (READY, PERFORMING)

    @invariant()
    def every_performance_that_is_over_is_told_once(self) -> None:
        assert self.told == self.performances - self.row.held


def recovered_first(verb: str, state: State) -> frozenset[State]:
    """A verb on a lost performance recovers it; then it does what it can, or leaves the row at that."""
    recovered = EDGES["recover"].get(state, NOTHING)
    return recovered.union(*(EDGES[verb].get(each, NOTHING) for each in recovered))


OneJourney.TestCase.settings = settings(max_examples=250, stateful_step_count=40, deadline=None)
TestOneJourney = OneJourney.TestCase
