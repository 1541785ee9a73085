"""The motor: joins stores, settings and events, and is the one door through which a journey's state is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from stepper_motor.journeys.errors import AlreadyOnJourney, InvalidState, StepperMotorError
from stepper_motor.journeys.journey import JourneyBase
from stepper_motor.journeys.outcomes import Failed, Outcome, Rescheduled
from stepper_motor.journeys.row import Entry, Row, State, Transition
from stepper_motor.motor import by_hand, by_ticket, clock
from stepper_motor.motor.events import Event, Events
from stepper_motor.motor.performance import Performance
from stepper_motor.motor.ports import Decide, NoSuchRow, Ready, Store
from stepper_motor.motor.problems import describe
from stepper_motor.motor.pulse import Pulse
from stepper_motor.motor.schedulers import Scheduler
from stepper_motor.motor.settings import Settings
from stepper_motor.motor.settling import retrying
from stepper_motor.motor.verbs import BulkResult, Outdated, decision, outcome_of
from stepper_motor.motor.worker_name import worker_name

HOOK_OF = {State.FINISHED: "after_finish", State.CANCELED: "after_cancel", State.PAUSED: "after_pause"}
LOOKS = 5
"""How often a verb looks again at a row that a lost performance holds, before it gives up."""


class Motor:
    """One configured whole. `stores` are the tables it moves journeys in."""

    def __init__(
        self, settings: Settings | None = None, events: Events | None = None, *, scheduler: Scheduler | None = None,
        name: str = "",
    ) -> None:  # fmt: skip
        self.name = name
        """Told in tickets, so that a process with several motors knows whose they are."""
        self.scheduler = scheduler
        self.settings = settings or Settings()
        self.events = events or Events()
        self._stores: list[Store] = []
        self._wakers: list[Callable[[], None]] = []
        self._pulse = Pulse(self.events)

    def sibling(self, settings: Settings | None = None) -> Motor:
        """A motor without tables that shares the events of this one, and is woken by what wakes it."""
        sibling = Motor(settings or self.settings, self.events, scheduler=self.scheduler, name=self.name)
        sibling._wakers = self._wakers
        return sibling

    @property
    def stores(self) -> list[Store]:
        """The tables whose journeys it moves."""
        return self._stores

    def join(self, store: Store) -> None:
        """Move the journeys of this table as well."""
        self._stores.append(store)

    def store_of_ticket(self, table: str) -> Store | None:
        """The store of the table that a ticket names; None: this motor does not move it.

        The process that wrote the ticket may say the table's schema where this one does not, and the other way round.
        """
        named = {store.table.full_name: store for store in self.stores}
        schema, _, name = table.rpartition(".")
        alike = [each for each in named if each == name or (not schema and each.endswith(f".{name}"))]
        return named.get(table) or (named[alike[0]] if len(alike) == 1 else None)

    def now(self) -> datetime:
        return clock.now()

    @property
    def unknown_step_grace(self) -> timedelta:
        return self.settings.unknown_step_grace

    # ------------------------------------------------------------------------------------- from outside

    def intervene(self, journey: JourneyBase[Any], verb: str, **told: Any) -> Outcome:
        """A verb from outside: decided under the row's lock, in the caller's transaction where there is one.

        Raises:
            InvalidState: the row does not allow it. Nothing was changed.
            AlreadyOnJourney: `jump_to` would reopen a journey whose place is taken.
        """
        return self.intervene_in(journey._store, journey, verb, **told)

    def intervene_in(self, store: Store, journey: JourneyBase[Any], verb: str, **told: Any) -> Outcome:
        """Same as `intervene`, except that it acts through the store that it is given."""
        try:
            transition = self._change(store, journey, verb, told)
        except NoSuchRow:
            if journey._id is None:
                raise InvalidState(verb, "not started", "save it first") from None
            raise InvalidState(verb, "deleted", "its row is gone") from None
        journey._refresh(transition.row)
        self.intervened(store, journey, transition)
        if transition.refusal:
            raise transition.refusal
        return outcome_of(verb, told, transition.row)

    def _change(self, store: Store, journey: JourneyBase[Any], verb: str, told: dict[str, Any]) -> Transition:
        witness = journey
        for _ in range(LOOKS):
            decide = decision(journey, witness, verb, told, self.settings)
            try:
                return retrying(store, partial(store.change, journey._id, decide))
            except Outdated:
                witness = store.load([journey._id]).get(journey._id, witness)
        raise InvalidState(verb, journey._row.state, "others keep changing it")

    def intervene_in_bulk(self, verb: str, journeys: Sequence[JourneyBase[Any]], told: Iterable[Any]) -> BulkResult:
        """The same verb on many journeys of one table, in one transaction; `told` gives the arguments of each."""
        if not journeys:
            return BulkResult(0, 0, 0)
        store: Store = journeys[0]._store
        decisions: dict[Any, Decide] = {}
        failed = 0
        for journey, arguments in zip(journeys, told, strict=True):
            try:
                decisions[journey._id] = decision(journey, journey, verb, arguments, self.settings)
            except Exception as error:
                failed += 1
                self._tell("trouble", journey, detail=f"bulk {verb}", error=error)
        results = self._changed(store, decisions)
        by_id = {journey._id: journey for journey in journeys}
        counts = {"changed": 0, "passed_over": 0, "failed": failed}
        for id, result in results.items():
            counts[self._counted(store, by_id[id], result)] += 1
        return BulkResult(**counts)

    def _changed(self, store: Store, decisions: dict[Any, Decide]) -> dict[Any, Transition | Exception]:
        """One whose place is taken does not fail its batch: halve it, down to that one."""
        try:
            return store.change_many(decisions) if decisions else {}
        except AlreadyOnJourney as error:
            ids, middle = list(decisions), len(decisions) // 2
            if not middle:
                return {ids[0]: error}
            halves = [{id: decisions[id] for id in half} for half in (ids[:middle], ids[middle:])]
            return self._changed(store, halves[0]) | self._changed(store, halves[1])

    def _counted(self, store: Store, journey: JourneyBase[Any], result: Transition | Exception) -> str:
        if isinstance(result, Transition):
            journey._refresh(result.row)
            self.intervened(store, journey, result)
            return "passed_over" if result.refusal else "changed"
        return "passed_over" if isinstance(result, InvalidState) else "failed"

    def intervened(self, store: Store, journey: JourneyBase[Any], transition: Transition) -> None:
        row = transition.row
        for entry in transition.entries:
            self._tell(
                "intervened" if entry.attempt is None else "recovered", journey, step=entry.step_name,
                attempt=entry.attempt, outcome=entry.outcome, state=row.state, worker=entry.by, detail=entry.reason,
            )  # fmt: skip
        if row.state is State.READY:
            self.announce(store, [ready_of(journey, row)])
        elif not row.held and not _only_rescheduled(transition):
            store.on_commit(partial(self.run_hook, store, journey, row.state))

    def announce(self, store: Store, ready: Sequence[Ready], *, elsewhere: bool = True) -> None:
        """These journeys are ready: hand tickets to the queue, where there is one, and wake workers after the commit.

        Only for what is due before they would look by themselves.
        """
        soon = self.now() + self.settings.poll_interval * clock.installed().speed
        if any(each.due <= soon for each in ready):
            store.on_commit(partial(self.wake, store, elsewhere=elsewhere))
        if self.scheduler is not None and ready:
            self.scheduler.announce(self, store, ready)

    def wake(self, store: Store, *, elsewhere: bool = True) -> None:
        """Wake the worker in this process, and those in others where the database can."""
        for waker in tuple(self._wakers):
            waker()
        if elsewhere:
            store.notify()

    @contextmanager
    def waking(self, waker: Callable[[], None]) -> Iterator[None]:
        """Within the block, call `waker` whenever a journey became ready in this process."""
        self._wakers.append(waker)
        try:
            yield
        finally:
            self._wakers.remove(waker)

    # --------------------------------------------------------------------------------- performing by hand

    def perform_next_step(self, journey: JourneyBase[Any], fence: str | None = None) -> Outcome | None:
        """Claim, run and settle here and now.

        Raises:
            StepperMotorError: inside a transaction of the caller's: a performance has to commit.
            BaseException: what the step raised, once that is settled.
        """
        outcome = self.attempt_next_step(journey, fence)
        if isinstance(outcome, Failed):
            raise outcome.error
        return outcome

    def attempt_next_step(self, journey: JourneyBase[Any], fence: str | None = None) -> Outcome | None:
        """Same as `perform_next_step`, except that what the step raised is told in the `Failed` it returns."""
        return self.attempt_in(journey._store, journey._id, fence, afterwards=journey._reload)

    def attempt_in(
        self, store: Store, id: Any, fence: str | None = None, *, afterwards: Callable[[], object] | None = None,
        run_on: bool = False,
    ) -> Outcome | None:  # fmt: skip
        """Same as `attempt_next_step`, except that it needs no object of the journey.

        Args:
            afterwards: called once something was performed.
            run_on: see `perform`.
        """
        self.check_can_commit(store)
        performance = by_hand.claimed(self, store.performing(), id, fence)
        if performance is None:
            return None
        outcome = self.perform(performance, run_on=run_on)
        if afterwards:
            afterwards()
        if outcome is None and performance.error is not None:
            raise performance.error  # its row is gone, so nothing was written that could tell of it
        return outcome

    def check_can_commit(self, store: Store) -> None:
        """Refuse to perform inside a transaction of the caller's.

        Raises:
            StepperMotorError: this thread is in one, and it is not a test's.
        """
        if store.in_transaction():
            raise StepperMotorError(
                "perform_next_step() has to commit what it does: call it outside of a transaction (in Django: outside "
                "of atomic(), or in a view that is not under ATOMIC_REQUESTS; in SQLAlchemy: after session.commit())"
            )

    def perform(self, performance: Performance, *, run_on: bool = False) -> Outcome | None:
        """Run and settle what was claimed, here and now; None if it was not ours any more, or its row is gone.

        Args:
            run_on: perform the steps after it as well, as long as they are due at once and their tickets would be the
                same job: the outcome is the last one's.
        """
        with self._pulse.beating(performance):
            return performance.store.call_here(partial(by_hand.perform, self, performance, run_on=run_on))

    def perform_ticket(self, text: str) -> Outcome | None:
        """Perform the step that a queue's ticket is for, and those that are due at once after it.

        Returns:
            What came of the last; None when there was nothing to do: the ticket is early or out of date, or unreadable.

        Raises:
            Exception: what a step raised, once that is settled, if the scheduler is told to `reraise`.
        """
        try:
            return by_ticket.perform(self, text)
        finally:
            self.leave()

    def leave(self) -> None:
        """This thread goes on to other things: give back what it has kept for the motor, where others may need it."""
        for store in self.stores:
            store.retire()

    def conclude(
        self, performance: Performance, outcome: Outcome, transition: Transition | None, *, elsewhere: bool = True
    ) -> Outcome | None:
        """After the commit of a settlement: say what happened, announce (to other processes too), call the hook."""
        store, journey = performance.store, performance.journey
        if transition is None:
            self._not_settled(performance)
            return None
        self.tell_performed(performance, outcome, transition)
        row = transition.row
        if row.state is State.READY:
            self.announce(store, [ready_of(journey, row)], elsewhere=elsewhere)
        journey._refresh(row)
        if not row.held:
            if performance.error is not None and HOOK_OF.get(row.state) in journey.definition.has_hooks:
                journey._reload()  # what a step that raised has set is dropped: no hook may save it
            self.run_hook(store, journey, row.state)
        return outcome

    def gave_back(self, performance: Performance) -> None:
        """After a row was given back unperformed: it is ready again, or its hook of a pause or a cancel has waited."""
        row, store, journey = performance.given_back, performance.store, performance.journey
        if row is None:
            return
        journey._refresh(row)
        if row.state is State.READY:
            self.announce(store, [ready_of(journey, row)])
        else:
            self.run_hook(store, journey, row.state)

    def run_hook(self, store: Store, journey: JourneyBase[Any], state: State) -> None:
        """Call after_finish, after_cancel or after_pause; an error in it is recorded and changes nothing."""
        hook = HOOK_OF.get(state)
        if hook is not None and hook in journey.definition.has_hooks:
            store.call_here(partial(self._run_hook, store, journey, state, hook))

    def _run_hook(self, store: Store, journey: JourneyBase[Any], state: State, hook: str) -> None:
        mark = store.mark(journey)
        try:
            result = getattr(journey, hook)()
            if hasattr(result, "__await__"):
                store.wait_here(result)
            store.tidy(mark, commit=True)
        except BaseException as error:
            store.tidy(mark, commit=False)
            self._hook_failed(store, journey, hook, state, error)
            if not isinstance(error, Exception):
                raise
        finally:
            store.leave(mark)

    def _hook_failed(
        self, store: Store, journey: JourneyBase[Any], hook: str, state: State, error: BaseException
    ) -> None:
        problem = describe(error, self.settings.traceback_limit)
        now = self.now()
        entry = Entry(
            journey._row.next_step_name, None, "hook_failed", state, f"{hook} raised",
            problem.error_class, problem.message, problem.traceback, worker_name(), now, now,
        )  # fmt: skip
        self._tell("hook_failed", journey, detail=hook, error=error)
        try:
            store.note(journey._id, entry)
        except Exception as second:
            self._tell("trouble", journey, detail=f"{hook} could not be recorded", error=second)

    # ------------------------------------------------------------------------------------ what is said

    def tell_performed(self, performance: Performance, outcome: Outcome, transition: Transition) -> None:
        name = "failed" if isinstance(outcome, Failed) else "lost" if outcome.name == "lost" else "performed"
        if not self.events.is_heard(name) and not performance.remark:
            return
        self._tell(
            name, performance.journey, step=performance.step_name, attempt=performance.row.attempts + 1,
            outcome=outcome.name, state=transition.row.state, worker=performance.holder, seconds=performance.seconds,
            error=performance.error, detail=transition.row.reason,
        )  # fmt: skip
        if performance.remark:
            self._tell("remark", performance.journey, step=performance.step_name, detail=performance.remark)

    def _not_settled(self, performance: Performance) -> None:
        if performance.id in performance.store.load([performance.id]):
            return self.superseded(performance)
        self._tell(
            "deleted", performance.journey, step=performance.step_name, attempt=performance.row.attempts + 1,
            worker=performance.holder, error=performance.error, detail="its row is gone, so nothing was settled",
        )  # fmt: skip

    def superseded(self, performance: Performance, error: Exception | None = None) -> None:
        """A late performer found another fence or holder and wrote nothing."""
        self._tell(
            "settled_by_another", performance.journey, step=performance.step_name,
            attempt=performance.row.attempts + 1, worker=performance.holder, detail=str(error) if error else None,
        )  # fmt: skip

    def _tell(self, name: str, journey: JourneyBase[Any], **parts: Any) -> None:
        self.events.tell(
            Event(
                name=name,
                journey_type=journey.definition.type_name,
                journey_id=journey._id,
                hero=journey._hero_text,
                **parts,
            )
        )


def ready_of(journey: JourneyBase[Any], row: Row | None = None) -> Ready:
    """What a queue may be told of a journey that is ready."""
    row = row or journey._row
    assert row.next_step_to_be_performed_at is not None
    due, step = row.next_step_to_be_performed_at, row.next_step_name
    return Ready(journey._id, row.fence, due, journey.definition.type_name, step)


def _only_rescheduled(transition: Transition) -> bool:
    """It was paused before, and is paused still: that its hook heard of then."""
    return [entry.outcome for entry in transition.entries] == [Rescheduled.name]
