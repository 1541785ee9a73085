"""What becomes of a ticket: the step that it is for is performed, or there is nothing to do. DESIGN 1.2."""

import json
import sys
from datetime import timedelta

import pytest

from stepper_motor import Finished, Reattempt, State, StepperMotorError, now, step
from stepper_motor.journeys.outcomes import Completed, Failed
from stepper_motor.motor import attempt
from stepper_motor.motor.housekeeping import Housekeeper
from stepper_motor.motor.schedulers import ForwardScheduler
from stepper_motor.motor.ticket import VERSION, Ticket
from tests.home import (
    Customer,
    Journey,
    PaymentJourney,
    ThreeSteps,
    configured,
    delete,
    execute,
    forget,
    in_transaction,
    motor,
    put,
    reload,
    start,
    table_of,
    tell,
    words,
)
from tests.semantics.holding import hold
from tests.semantics.seen import row_of, told
from tests.tickets.at_work import locked, perform, sweep
from tests.tickets.keeping import KeepingQueue, RowKeepingQueue

pytestmark = pytest.mark.database(transaction=True)
HOUR = timedelta(hours=1)


class Telling(Journey[Customer]):
    """Three steps that are due at once, a fourth an hour later."""

    @step
    def one(self):
        tell(self, "one")

    @step
    def two(self):
        tell(self, "two")

    @step
    def three(self):
        tell(self, "three")

    @step(wait=HOUR)
    def four(self):
        tell(self, "four")


class Atomic(Journey[Customer]):
    on_exception = Reattempt(wait=60, jitter=0)

    @step(atomic=True)
    def one(self):
        tell(self, "one")

    @step(atomic=True)
    def two(self):
        tell(self, "two")
        if not self.attempts:
            raise ConnectionError("no answer")

    @step
    def three(self):
        tell(self, "three")


class Film(Journey[Customer]):
    queue_options = {"queue": "web"}

    @step
    def upload(self):
        tell(self, "uploaded")

    @step
    def inspect(self):
        tell(self, "inspected")

    @step(queue_options={"queue": "gpu"})
    def render(self):
        tell(self, "rendered")

    @step(queue_options={"queue": "gpu"})
    def compress(self):
        tell(self, "compressed")

    @step
    def publish(self):
        tell(self, "published")


class AtomicFilm(Journey[Customer]):
    @step(atomic=True)
    def upload(self):
        tell(self, "uploaded")

    @step(atomic=True, queue_options={"queue": "gpu"})
    def render(self):
        tell(self, "rendered")


class Async(Journey[Customer]):
    @step
    async def one(self):
        self.data["one"] = True

    @step
    def two(self):
        self.data["two"] = True


class Broken(Journey[Customer]):
    on_exception = Reattempt(wait=60, jitter=0, max_attempts=2, then="pause")

    @step
    def fail(self):
        raise ConnectionError("no answer")


class Endless(Journey[Customer]):
    """A polling step that asks again at once."""

    @step
    def poll(self):
        tell(self, "polled")
        self.reattempt(0)


class ManySteps(Journey[Customer]):
    for n in range(45):
        locals()[f"step_{n}"] = step(lambda self: None, name=f"step_{n}")


# --------------------------------------------------------------------------------------------------- there is work


def test_a_ticket_performs_the_step_and_those_that_are_due_at_once_after_it(clock, forward, queue):
    journey = start(Telling)
    (job,) = queue.take()
    assert perform(job) == Completed()
    assert words() == ["one", "two", "three"]
    (following,) = queue.take()
    assert following.at is not None
    clock.move(HOUR)
    assert perform(following) == Completed()
    assert words() == ["one", "two", "three", "four"]
    assert row_of(journey).state is State.FINISHED
    assert queue.jobs == []


def test_a_step_for_another_queue_is_handed_over_to_that_and_not_run_on(clock, forward, queue):
    start(Film)
    performed = []
    while jobs := queue.take():
        (job,) = jobs
        before = len(words())
        perform(job)
        performed.append((job.options["queue"], words()[before:]))
    assert performed == [
        ("web", ["uploaded", "inspected"]),
        ("gpu", ["rendered", "compressed"]),
        ("web", ["published"]),
    ]


def test_nor_is_it_after_an_atomic_step(clock, forward, queue):
    start(AtomicFilm)
    perform(*queue.take())
    (job,) = queue.take()
    assert (words(), job.options) == (["uploaded"], {"queue": "gpu"})
    perform(job)
    assert words() == ["uploaded", "rendered"]


@pytest.mark.only_in("django")
def test_what_follows_the_commit_of_an_atomic_step_is_seen_by_the_next(clock, forward, queue):
    from django.db import transaction

    class Following(Journey[Customer]):
        @step(atomic=True)
        def one(self):
            rows = type(self).objects.filter(pk=self.pk)
            transaction.on_commit(lambda: rows.update(data={"followed": True}))

        @step
        def two(self):
            tell(self, str(self.data))

    start(Following)
    perform(queue.take()[0])
    assert words() == ["{'followed': True}"]


def test_async_steps_are_performed_as_well(clock, forward, queue):
    journey = start(Async)
    assert perform(queue.take()[0]) == Completed()
    reload(journey)
    assert (journey.state, journey.data) == (State.FINISHED, {"one": True, "two": True})


@pytest.mark.parametrize("name", ["it's", '"quoted"', "100%", "%s", "back\\slash", "?", ":colon", "Käse", "雪", "$1"])
def test_a_step_may_be_called_whatever_means_something_to_a_database(clock, forward, queue, name):
    class Named(Journey[Customer]):
        only = step(lambda self: tell(self, "done"), name=name)

    journey = start(Named)
    queue.take()
    clock.move(HOUR)
    assert sweep() == 1  # which asks for the steps that are known, as a claim does
    assert perform(queue.take()[0]) == Completed()
    assert words() == ["done"]
    assert row_of(journey).state is State.FINISHED


def test_a_journey_that_runs_on_for_20_steps_gives_others_a_turn(clock, forward, queue):
    journey = start(ManySteps)
    performed = []
    while queue.jobs:
        (job,) = queue.take()
        perform(job)
        performed.append(row_of(journey).steps_completed)
    assert performed == [20, 40, 45]


def test_how_many_steps_that_is_may_be_set(clock, queue):
    with configured(scheduler=ForwardScheduler(queue), run_on_steps=1):
        start(Telling)
        perform(queue.take()[0])
        assert words() == ["one"]
        assert len(queue.jobs) == 1


def test_hundreds_of_steps_do_not_pile_up_on_the_stack(clock, queue):
    count = sys.getrecursionlimit() // 2

    class Countdown(Journey[Customer]):
        for n in range(count):
            locals()[f"step_{n}"] = step(lambda self: None, name=f"step_{n}")

    with configured(scheduler=ForwardScheduler(queue), run_on_steps=count):
        journey = start(Countdown)
        assert perform(queue.take()[0]) == Completed()
    assert row_of(journey).state is State.FINISHED


def test_or_for_a_second(clock, forward, queue, monkeypatch):
    monkeypatch.setattr(attempt, "RUN_ON_SECONDS", 0.0)
    start(Telling)
    perform(queue.take()[0])
    assert words() == ["one"]
    assert len(queue.jobs) == 1


def test_an_atomic_step_claims_the_next_one_in_its_own_transaction(clock, forward, queue):
    journey = start(Atomic)
    (job,) = queue.take()
    perform(job)
    assert told(journey) == [("one", "completed"), ("two", "failed")]
    assert words() == ["one"]
    (again,) = queue.take()
    clock.move(timedelta(minutes=1))
    perform(again)
    assert (words(), row_of(journey).state) == (["one", "two", "three"], State.FINISHED)
    assert queue.jobs == []


def test_a_step_that_is_reattempted_at_once_is_handed_over_again_and_not_run_on(clock, forward, queue):
    start(Endless)
    for count in range(1, 4):
        (job,) = queue.take()
        perform(job)
        assert words() == ["polled"] * count


def test_a_failure_is_settled_and_told_and_not_raised(clock, forward, queue, heard):
    journey = start(Broken)
    outcome = perform(queue.take()[0])
    assert isinstance(outcome, Failed)
    assert told(journey) == [("fail", "failed")]
    assert [event.name for event in heard if event.error] == ["failed"]
    assert len(queue.jobs) == 1


def test_a_scheduler_may_raise_it_to_the_queue_as_well_once_it_is_settled(clock, queue):
    with configured(scheduler=ForwardScheduler(queue, reraise=True)):
        journey = start(Broken)
        (job,) = queue.take()
        with pytest.raises(ConnectionError, match="no answer"):
            perform(job)
        assert row_of(journey).attempts == 1
        # The queue's own retry finds that it is out of date.
        clock.move(HOUR)
        assert perform(job) is None
        assert row_of(journey).attempts == 1


def test_a_journey_in_a_table_of_its_own_is_found_by_its_ticket(clock, forward, queue):
    journey = start(PaymentJourney, allow_multiple=True)
    (job,) = queue.jobs
    assert job.ticket.table == table_of(PaymentJourney)
    assert job.ticket.id.replace("-", "") == str(journey.id).replace("-", "")
    assert perform(job) is not None


def test_without_a_scheduler_a_ticket_that_is_still_there_is_performed(clock, queue):
    with configured(scheduler=ForwardScheduler(queue)):
        start(Telling)
    assert perform(queue.jobs[0]) == Completed()


@pytest.mark.only_in("django")  # elsewhere the motor has connections of its own
def test_a_ticket_is_not_performed_inside_a_transaction(clock, forward, queue):
    start(Telling)
    with in_transaction(), pytest.raises(StepperMotorError, match="has to commit"):
        motor().perform_ticket(queue.jobs[0].text)


# ---------------------------------------------------------------------------------------------- there is nothing to do


def test_a_ticket_that_comes_twice_is_performed_once(clock, forward, queue, heard):
    start(Telling)
    (job,) = queue.take()
    perform(job)
    assert perform(job) is None
    assert words() == ["one", "two", "three"]
    assert heard.details("ticket_ignored") == ["it is out of date: the journey has moved on, and is ready for 'four'"]


@pytest.mark.parametrize("verb", ["pause", "cancel", "skip", "finish", "reschedule"])
def test_a_ticket_is_out_of_date_when_somebody_has_intervened(clock, forward, queue, verb):
    journey = start(Telling)
    (job,) = queue.take()
    getattr(journey, verb)(**({"at": now() + HOUR} if verb == "reschedule" else {}))
    assert perform(job) is None
    assert words() == []


def test_a_journey_that_another_performs_is_left_to_him(clock, forward, queue, heard):
    journey = start(Telling)
    hold(journey, clock.now() + HOUR)
    assert perform(queue.take()[0]) is None
    assert heard.details("ticket_ignored") == ["it is out of date: the journey is performing"]


def test_a_ticket_of_a_lost_performance_is_out_of_date_once_it_is_recovered(clock, forward, queue):
    journey = start(Telling)
    (old,) = queue.take()
    hold(journey, clock.now() - timedelta(seconds=1))
    assert perform(old) is None
    assert Housekeeper(motor()).recover() == (1, 0)
    (new,) = queue.take()
    assert perform(old) is None
    assert perform(new) == Completed()
    assert words() == ["one", "two", "three"]


def test_a_ticket_for_a_journey_that_is_gone_is_ignored(clock, forward, queue, heard):
    journey = start(Telling)
    delete(journey)
    (job,) = queue.take()
    assert perform(job) is None
    assert heard.details("ticket_ignored") == [f"journey {job.ticket.id} is gone"]


def test_a_ticket_for_a_type_that_this_code_does_not_know_is_ignored(clock, forward, queue, heard):
    class Newer(Journey[Customer]):
        @step
        def one(self): ...

    start(Newer)
    forget(Newer)
    assert perform(queue.take()[0]) is None
    assert heard.details("ticket_ignored") == [
        f"the type {Newer.definition.type_name!r} is not known to this code (is its module imported here?): left to a "
        f"process that knows it"
    ]


def test_a_ticket_for_a_step_that_this_code_does_not_know_is_ignored(clock, forward, queue, heard):
    journey = start(Telling)
    (job,) = queue.take()
    put(journey, next_step_name="newer")
    assert perform(job) is None
    type_name = Telling.definition.type_name
    assert heard.details("ticket_ignored") == [
        f"the step 'newer' of {type_name} is not known to this code: left to a process that knows it"
    ]


@pytest.mark.parametrize(
    "parts",
    [
        {"table": "nowhere"},
        {"id": "no key"},
        {"id": "9" * 500},
        {"id": "-1"},
        {"id": ""},
        {"id": "\0"},
        {"fence": "\0"},
        {"fence": "\ud800"},
        {"fence": "ß" * 10_000},
        {"table": "journeys; DROP TABLE journeys"},
    ],
    ids=repr,
)
def test_a_ticket_for_nothing_that_there_is_does_nothing(clock, forward, queue, heard, parts):
    start(Telling)
    (job,) = queue.take()
    ticket = Ticket(**{**{name: getattr(job.ticket, name) for name in ("table", "id", "fence")}, **parts})
    assert perform(str(ticket)) is None
    assert len(heard.details("ticket_ignored")) == 1
    assert words() == []


@pytest.mark.parametrize("text", ["garbage", "", json.dumps({"v": VERSION + 1})])
def test_a_ticket_that_can_not_be_read_does_nothing(clock, forward, heard, text):
    assert perform(text) is None
    assert len(heard.details("ticket_ignored")) == 1


def test_a_step_that_nobody_knows_is_paused_by_a_ticket_after_the_grace(clock, forward, queue):
    """Without a worker that performs, nobody else would."""
    journey = start(Telling)
    execute(f"UPDATE {table_of(Telling)} SET next_step_name = %s", ["removed"])
    clock.move(timedelta(minutes=9))
    assert sweep() == 0
    assert perform(queue.take()[0]) is None
    assert row_of(journey).state is State.READY
    clock.move(timedelta(minutes=2))
    assert sweep() == 1
    perform(queue.take()[0])
    assert row_of(journey).state is State.PAUSED
    assert "removed" in row_of(journey).reason


# --------------------------------------------------------------------------------------------------- it came early


def test_a_ticket_that_comes_early_performs_nothing_and_is_handed_over_again_once(clock, forward, queue, heard):
    start(Telling, at=now() + HOUR)
    (job,) = queue.take()
    assert perform(job) is None
    (again,) = queue.take()
    assert again.text == job.text
    assert again.at is not None
    assert perform(again) is None
    assert queue.jobs == []
    assert heard.details("ticket_early") == ["it is for 2030-01-10 13:00:00 UTC"] * 2
    clock.move(HOUR)
    perform(again)
    assert words() == ["one", "two", "three"]


def test_beyond_the_horizon_an_early_ticket_is_left_to_the_sweep(clock):
    queue = KeepingQueue(timedelta(minutes=10))
    with configured(scheduler=ForwardScheduler(queue)):
        journey = start(Telling, at=now() + HOUR)
        assert perform(str(_ticket(journey))) is None
        assert queue.jobs == []
        clock.move(timedelta(minutes=50))
        assert sweep() == 1


def test_an_early_ticket_of_an_eager_queue_is_not_handed_over_again(clock):
    """It would be performed on the spot, and come early again, and so on."""
    queue = KeepingQueue(is_eager=True)
    with configured(scheduler=ForwardScheduler(queue)):
        journey = start(Telling, at=now() + HOUR)
        assert perform(str(_ticket(journey))) is None
    assert queue.asked == 0


@pytest.mark.only_on("postgresql", "mariadb")
def test_an_early_ticket_does_not_wait_for_a_journey_that_is_in_use(clock, forward, queue):
    journey = start(Telling, at=now() + HOUR)
    (job,) = queue.take()
    with locked(journey):
        assert perform(job) is None
    assert queue.jobs == []
    clock.move(HOUR + timedelta(minutes=1))
    assert sweep() == 1


def test_a_queue_that_drops_every_delay_does_not_make_a_journey_hand_itself_over_endlessly(clock, forward, queue):
    """The worst incident of the gem: the option that says when was lost, so a job came at once, and again, and again."""
    start(Telling, at=now() + HOUR)
    for _ in range(61):
        clock.move(timedelta(minutes=1))
        sweep()
        for job in queue.take():
            perform(job)
    assert words() == ["one", "two", "three"]
    # One when it was started, one when that came early, one when it was overdue; and the first for the fourth step.
    assert queue.asked == 4


def test_a_ticket_that_is_a_moment_early_waits_for_its_time(forward, queue):
    """The clocks of two machines differ by milliseconds, and some queues count seconds."""
    start(Telling, at=now() + timedelta(milliseconds=400))
    (job,) = queue.take()
    assert perform(job) == Completed()
    assert words() == ["one", "two", "three"]
    assert queue.asked == 2


def test_a_ticket_for_the_past_of_another_clock_is_performed(clock, forward, queue):
    journey = start(ThreeSteps)
    clock.move(timedelta(days=400))
    assert perform(queue.take()[0]) in (Completed(), Finished())
    assert row_of(journey).state is State.FINISHED


# ---------------------------------------------------------------------------------------- a queue that is a table


def test_tickets_that_are_rows_are_written_in_the_transaction_of_who_starts_the_journey(clock):
    queue = RowKeepingQueue()
    with configured(scheduler=ForwardScheduler(queue)):
        with in_transaction():
            start(Telling)
            assert queue.inside == [True]
        perform(queue.take()[0])
        assert len(queue.jobs) == 1


def test_one_that_can_not_be_written_there_fails_the_start(clock):
    queue = RowKeepingQueue()
    with configured(scheduler=ForwardScheduler(queue)), queue.away():
        with pytest.raises(Exception, match="no broker"), in_transaction():
            start(Telling)


def test_one_that_can_not_be_written_after_a_step_fails_no_step(clock, heard):
    queue = RowKeepingQueue()
    with configured(scheduler=ForwardScheduler(queue)):
        journey = start(Telling)
        (job,) = queue.take()
        with queue.away():
            assert perform(job) == Completed()
        assert heard.details("trouble") == ["its ticket could not be handed over; the sweep will"]
        assert row_of(journey).next_step_name == "four"


def _ticket(journey):
    return Ticket(table_of(type(journey)), str(journey.id), journey.fence)
