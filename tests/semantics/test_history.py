"""journey.history: one entry for each performance and each intervention, and what it tells is true. DESIGN 2."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stepper_motor import Completed, Reattempt, State, step
from tests.home import Customer, Journey, delete, found, start, these
from tests.semantics.seen import claimed_by, entries_of, last_entry, recover, told

pytestmark = pytest.mark.database


class Said:
    """Text that is made when it is asked for, as a translation is."""

    def __init__(self, text):
        self.text = text

    def __str__(self):
        return self.text


class Eventful(Journey[Customer]):
    """Does what `data` says, one word for each performance."""

    on_exception = Reattempt(wait=0)
    clock = None

    @step
    def work(self):
        word = self.data["todo"][self.attempts]
        self.clock.move(timedelta(seconds=2))
        if word == "fail":
            raise ConnectionError("no network")
        if word == "again":
            self.reattempt(0, reason="not there yet")
        if word == "pause":
            self.pause("look")

    @step
    def more(self): ...


@pytest.fixture
def eventful(clock, customer):
    def begin(*todo, **options):
        Eventful.clock = clock
        return start(Eventful, customer, data={"todo": todo}, **options)

    return begin


def perform(journey):
    try:
        return journey.perform_next_step()
    except ConnectionError as error:
        return error


def test_the_attempts_are_numbered(eventful):
    journey = eventful("fail", "again", "fail", "done")
    for _ in range(5):
        perform(journey)
    assert [(entry.step_name, entry.attempt, entry.outcome) for entry in entries_of(journey)] == [
        ("work", 1, "failed"), ("work", 2, "reattempted"), ("work", 3, "failed"), ("work", 4, "completed"),
        ("more", 1, "completed"),
    ]  # fmt: skip


def test_each_tells_what_the_journey_became(eventful):
    journey = eventful("fail", "pause")
    perform(journey)
    perform(journey)
    assert [entry.state for entry in entries_of(journey)] == [State.READY, State.PAUSED]


def test_each_tells_when_it_began_and_ended_and_who_performed(eventful, clock):
    journey = eventful("done")
    clock.move(timedelta(minutes=5))
    began = clock.now()
    perform(journey)
    entry = last_entry(journey)
    assert (entry.started_at, entry.finished_at) == (began, began + timedelta(seconds=2))
    assert entry.by


def test_a_reason_given_inside_is_told(eventful):
    journey = eventful("again")
    perform(journey)
    assert last_entry(journey).reason == "not there yet"


def test_an_intervention_is_told_with_who_did_it_and_why(eventful, customer, clock):
    journey = eventful("done")
    journey.pause("on the phone", by="Grace")
    journey.resume(by=customer, reason="hung up")
    journey.skip(by="Grace", reason="done by hand")
    interventions = [(e.step_name, e.attempt, e.outcome, e.state, e.by, e.reason) for e in entries_of(journey)]
    assert interventions == [
        ("work", None, "paused", State.PAUSED, "Grace", "on the phone"),
        ("work", None, "resumed", State.READY, "Ada", "hung up"),
        ("work", None, "skipped", State.READY, "Grace", "done by hand"),
    ]


def test_an_intervention_that_was_refused_is_not_told(eventful):
    journey = eventful("done")
    with pytest.raises(Exception, match="resume"):
        journey.resume()
    assert entries_of(journey) == []


def test_performances_losses_and_interventions_stand_in_the_order_of_their_happening(eventful, clock):
    journey = eventful("fail", "done", "done")
    perform(journey)
    claimed_by(journey, "a worker that dies")
    clock.move(timedelta(minutes=1))
    recover()
    found(journey).pause()
    found(journey).resume()
    perform(journey)
    assert told(journey) == [
        ("work", "failed"), ("work", "lost"), ("work", "paused"), ("work", "resumed"), ("work", "completed"),
    ]  # fmt: skip
    times = [entry.finished_at for entry in entries_of(journey)]
    assert times == sorted(times)


def test_what_ran_on_under_a_cancel_is_told_as_it_was(clock, customer):
    class Canceled(Journey[Customer]):
        @step
        def work(self):
            found(self).cancel("changed her mind", by="Ada")

        @step
        def more(self): ...

    journey = start(Canceled, customer)
    assert journey.perform_next_step() == Completed()
    assert [(e.outcome, e.state, e.attempt, e.reason) for e in entries_of(journey)] == [
        ("canceled", State.CANCELED, None, "changed her mind"),
        ("completed", State.CANCELED, 1, None),
    ]
    assert journey.reason == "changed her mind"


def test_has_completed_asks_the_history(eventful):
    journey = eventful("fail", "done")
    perform(journey)
    assert not journey.has_completed("work")
    perform(journey)
    assert journey.has_completed("work")
    assert not journey.has_completed("more")
    assert not journey.has_completed("no such step")


def test_a_skip_or_a_failure_that_skips_completes_nothing(customer):
    class Passing(Journey[Customer]):
        @step(on_exception="skip")
        def fails(self):
            raise ConnectionError

        @step
        def skips(self):
            self.skip()

        @step
        def is_skipped(self): ...

        @step
        def last(self): ...

    journey = start(Passing, customer)
    perform(journey)
    perform(journey)
    journey.skip()
    perform(journey)
    names = ("fails", "skips", "is_skipped", "last")
    assert [name for name in names if journey.has_completed(name)] == ["last"]


def test_an_entry_reads_as_a_line(eventful):
    journey = eventful("fail")
    perform(journey)
    assert str(last_entry(journey)) == "2030-01-10 12:00:02 work (attempt 1): failed, ready"
    journey.pause()
    assert str(last_entry(journey)) == "2030-01-10 12:00:02 work: paused, paused"


def test_the_history_goes_with_its_journey(eventful):
    journey, other = eventful("done"), eventful("done", key="other")
    perform(journey)
    perform(other)
    pk = journey.id
    delete(journey)
    assert not these(Journey.History, journey_id=pk).count()
    assert len(entries_of(other)) == 1


@pytest.mark.parametrize("reason", [ValueError("no card"), Said("no card")])
def test_a_reason_may_be_anything_with_a_text(reason, customer):
    class Reasoned(Journey[Customer]):
        @step
        def work(self):
            self.cancel(reason)

    journey, other = start(Reasoned, customer), start(Reasoned, customer, key="other")
    journey.perform_next_step()
    other.pause(reason)
    assert (journey.reason, last_entry(journey).reason) == ("no card", "no card")
    assert (other.reason, last_entry(other).reason) == ("no card", "no card")


def test_a_long_reason_is_cut(eventful):
    journey = eventful("done")
    journey.pause("x" * 10_000)
    assert len(last_entry(journey).reason) == len(journey.reason) == 500


def test_explain_tells_of_the_same(eventful):
    journey = eventful("fail")
    perform(journey)
    journey.pause("look at this")
    explanation = journey.explain()
    assert (explanation.state, explanation.step, explanation.attempts) == (State.PAUSED, "work", 1)
    assert "look at this" in str(explanation)
