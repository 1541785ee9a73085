"""For every journey: where it is, why it is not moving, what comes next and when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from stepper_motor.journeys.conditions import any_of, cancel_if, not_
from stepper_motor.journeys.diagram import diagram
from stepper_motor.journeys.explanation import Explanation, explain, remaining
from stepper_motor.journeys.journey import JourneyBase
from stepper_motor.journeys.row import Row, State
from stepper_motor.journeys.steps import step
from stepper_motor.journeys.wording import length
from tests.journeys.rows import ENDED, HELD, LATER, LOST, NOW, READY

T0 = NOW - timedelta(days=3)


class Signup(JourneyBase[Any]):
    @cancel_if
    def hero_left(self) -> bool:
        return False

    @step
    def welcome(self) -> None: ...

    @step(wait=timedelta(days=2, hours=3), formerly="nudge")
    def remind(self) -> None: ...

    @step(at=lambda journey: NOW)
    def call(self) -> None: ...

    @step(wait=timedelta(hours=1), if_lost="skip")
    def thank(self) -> None: ...

    @step(after=timedelta(days=15))
    def close(self) -> None: ...


class Untouched(JourneyBase[Any]):
    """A journey of a type that this code does not know loads as one without steps."""


def waiting(step: str | None = "remind", due: datetime | None = LATER, **columns: Any) -> Row:
    fresh = {"attempts": 0, "failures": 0, "losses": 0, "reason": None}
    return READY._replace(next_step_name=step, next_step_to_be_performed_at=due, **{**fresh, **columns})


def journey_of(body: dict[str, Any]) -> type[JourneyBase[Any]]:
    """A class made on the spot: tests of words need no more."""
    return type("OnTheSpot", (JourneyBase,), body)


def explained(row: Row, journey: type[JourneyBase[Any]] = Signup) -> Explanation:
    return explain(row, journey.definition, T0, NOW)


# ----------------------------------------------------------------------------------------------------- waiting


def test_a_journey_that_waits_tells_until_when() -> None:
    explanation = explained(waiting(due=NOW + timedelta(days=2, hours=3)))
    assert explanation.why == "Waits until 2030-01-12 15:00:00 UTC (in 2 days 3 hours) for step 'remind'."
    assert (
        explanation.next == "Step 'remind' is performed then; after it, step 'call' comes, at a time worked out then."
    )
    assert str(explanation) == f"{explanation.why} {explanation.next}"
    assert (explanation.state, explanation.step, explanation.known) == (State.READY, "remind", True)
    assert (explanation.due, explanation.overdue) == (NOW + timedelta(days=2, hours=3), None)


def test_a_journey_that_is_due_is_not_yet_taken() -> None:
    explanation = explained(waiting("welcome", NOW - timedelta(seconds=2)))
    assert explanation.overdue == timedelta(seconds=2)
    assert str(explanation) == (
        "Due since 2030-01-10 11:59:58 UTC (overdue by 2 seconds) for step 'welcome', and not yet taken by a worker."
        " Step 'welcome' is performed as soon as a worker takes it;"
        " after it, step 'remind' comes at about 2030-01-12 15:00:00 UTC (in 2 days 3 hours)."
    )


def test_a_journey_that_is_due_this_moment() -> None:
    explanation = explained(waiting("welcome", NOW))
    assert explanation.why == "It is time now for step 'welcome', and not yet taken by a worker."
    assert explanation.overdue == timedelta()


def test_a_journey_that_nobody_takes_asks_for_a_worker() -> None:
    explanation = explained(waiting(due=NOW - timedelta(minutes=3)))
    assert "overdue by 3 minutes" in explanation.why
    assert "no worker has taken it yet: is a worker running that knows this journey?" in explanation.why


def test_what_went_before_at_the_step_is_told() -> None:
    row = waiting(attempts=4, failures=2, losses=1, reason="the performer was lost, put back")
    assert explained(row).why.endswith(
        "So far 4 attempts at step 'remind' (2 failures in a row and 1 lost performance in a row);"
        " the last: the performer was lost, put back."
    )
    assert explained(waiting(attempts=1)).why.endswith("So far 1 attempt at step 'remind'.")
    assert (explained(row).attempts, explained(row).failures, explained(row).losses) == (4, 2, 1)


def test_a_renamed_step_goes_by_todays_name() -> None:
    explanation = explained(waiting("nudge"))
    assert (explanation.step, explanation.known) == ("remind", True)
    assert "step 'remind'" in explanation.why


def test_times_are_told_in_utc() -> None:
    paris = timezone(timedelta(hours=1))
    assert "2030-01-12 12:00:00 UTC" in explained(waiting(due=LATER.astimezone(paris))).why


# --------------------------------------------------------------------------------------------------- performing


def performing(step: Any = "remind", **columns: Any) -> Row:
    return waiting(step, NOW - timedelta(minutes=5), **{"state": State.PERFORMING, **HELD, **columns})


def test_a_journey_that_is_performed_tells_by_whom_and_since_when() -> None:
    explanation = explained(performing("welcome"))
    assert explanation.why == (
        "Step 'welcome' is being performed by worker 1 since 2030-01-10 11:56:00 UTC (for 4 minutes)."
        " Its lease is good for 40 seconds and renewed while the performer lives."
    )
    assert explanation.next == (
        "When it ends well, step 'remind' comes at about 2030-01-12 15:00:00 UTC (in 2 days 3 hours)."
    )
    assert (explanation.held_by, explanation.overdue) == ("worker 1", None)
    assert explanation.lease_expires_at == NOW + timedelta(seconds=40)


def test_a_lost_performance_is_about_to_be_recovered() -> None:
    explanation = explained(performing(**LOST))
    assert "Its lease ended 20 seconds ago, so the performer seems to be gone." in explanation.why
    assert explanation.next == (
        "A worker or housekeeping is about to recover it: step 'remind' is put back and performed again at once."
    )


@pytest.mark.parametrize(
    ("if_lost", "becomes"),
    [
        ("reattempt", "step 'only' is put back and performed again at once."),
        ("pause", "it is paused."),
        ("skip", "step 'only' is skipped, and the journey is finished."),
        ("cancel", "it is canceled."),
    ],
)
def test_what_becomes_of_a_lost_performance(if_lost: str, becomes: str) -> None:
    journey = journey_of({"if_lost": if_lost, "only": step(lambda journey: None)})
    assert explained(performing("only", **LOST), journey).next.endswith(becomes)


def test_a_step_that_was_lost_before_may_be_poison() -> None:
    assert "or paused, if it was lost too often in a row" in explained(performing(losses=1, **LOST)).next


# ----------------------------------------------------------------------------------------------- paused, ended


def test_a_paused_journey_tells_why_and_what_resuming_does() -> None:
    overdue = waiting(
        due=NOW - timedelta(hours=5), state=State.PAUSED, reason="KeyError: 'card'.", failures=1, attempts=1
    )
    assert str(explained(overdue)) == (
        "Paused: KeyError: 'card'. So far 1 attempt at step 'remind' (1 failure in a row)."
        " resume() sets it going at once with step 'remind', which was due at 2030-01-10 07:00:00 UTC (5 hours ago)."
    )
    assert str(explained(waiting(state=State.PAUSED))) == (
        "Paused. resume() makes it wait on for step 'remind', until 2030-01-12 12:00:00 UTC (in 2 days)."
    )


def test_a_paused_journey_without_a_due_time() -> None:
    explanation = explained(
        waiting(due=None, state=State.PAUSED, reason="the wait of step 'remind' raised ValueError: no")
    )
    assert explanation.why == "Paused: the wait of step 'remind' raised ValueError: no."
    assert explanation.next == "resume() sets it going at once with step 'remind', whose due time nobody knows."


def test_a_paused_journey_whose_step_still_runs() -> None:
    explanation = explained(performing(state=State.PAUSED))
    assert "Its step still runs, performed by worker 1, and is let run to its end." in explanation.why
    assert explanation.next == (
        "resume() lets it go on as though nothing had been; without it, it stays paused after step 'remind'."
    )


@pytest.mark.parametrize(
    ("step", "becomes"),
    [
        ("remind", "step 'remind' is put back, paused until it is resumed."),
        ("thank", "step 'thank' is skipped, and the journey stays paused until it is resumed."),
    ],
)
def test_a_performance_that_was_lost_under_a_pause(step: str, becomes: str) -> None:
    explanation = explained(performing(step, state=State.PAUSED, **LOST))
    assert "Its step was still running, performed by worker 1. Its lease ended 20 seconds ago" in explanation.why
    assert explanation.next == f"A worker or housekeeping is about to recover it: {becomes}"


def test_a_canceled_journey_tells_when_and_why() -> None:
    row = waiting(state=State.CANCELED, reason="the hero is gone", ended_at=ENDED)
    assert str(explained(row)) == (
        "Canceled at 2030-01-10 11:59:30 UTC (30 seconds ago): the hero is gone."
        " Nothing comes next; jump_to() would open it again at step 'remind'."
    )
    assert explained(row).coming == ()


def test_a_canceled_journey_whose_step_still_runs() -> None:
    explanation = explained(performing(state=State.CANCELED, ended_at=ENDED))
    assert "Its step still runs, performed by worker 1, and is let run to its end." in explanation.why
    assert explanation.next == "Nothing comes next."


def test_a_finished_journey_tells_when() -> None:
    explanation = explained(waiting(None, None, state=State.FINISHED, ended_at=ENDED))
    assert str(explanation) == (
        "Finished at 2030-01-10 11:59:30 UTC (30 seconds ago)."
        " Nothing comes next; jump_to() with the name of a step would open it again."
    )
    assert (explanation.step, explanation.known, explanation.coming) == (None, True, ())


# ------------------------------------------------------------------------------------------------ unknown steps


def test_an_unknown_next_step_is_left_to_newer_code_and_then_paused() -> None:
    explanation = explained(waiting("survey", NOW - timedelta(minutes=4)))
    assert (explanation.step, explanation.known, explanation.coming) == ("survey", False, ())
    assert "for step 'survey', which this code does not know: it knows 'welcome', 'remind'" in explanation.why
    assert explanation.next == (
        "It is left to newer code until 2030-01-10 12:06:00 UTC (in 6 minutes), 10 minutes after its due time; then it"
        " is paused. If the step was renamed, give the new one formerly=('survey',)."
    )


def test_the_grace_is_a_setting() -> None:
    row = waiting("survey", NOW - timedelta(minutes=4))
    explanation = explain(row, Signup.definition, T0, NOW, unknown_step_grace=timedelta(hours=1))
    assert "until 2030-01-10 12:56:00 UTC (in 56 minutes), 1 hour after its due time" in explanation.next


def test_an_unknown_next_step_beyond_its_grace_is_about_to_be_paused() -> None:
    explanation = explained(waiting("survey", NOW - timedelta(minutes=11)))
    assert explanation.next.startswith("The next worker that looks at it pauses it.")


def test_a_paused_journey_with_an_unknown_step_tells_how_to_go_on() -> None:
    explanation = explained(waiting("survey", state=State.PAUSED))
    assert "Step 'survey' is not known to this code: it knows 'welcome'" in explanation.next
    assert explanation.next.endswith(
        "If the step was renamed, give the new one formerly=('survey',) and resume(), or jump_to() another step."
    )


def test_an_unknown_step_that_newer_code_performs() -> None:
    assert explained(performing("survey")).next == "What follows, only the code of its performer knows."


def test_an_unknown_step_that_was_lost_is_left_to_those_who_know_it() -> None:
    assert explained(performing("survey", **LOST)).next == (
        "It is left to code that knows step 'survey' until 2030-01-10 12:09:40 UTC (in 9 minutes 40 seconds);"
        " then it is recovered, and paused."
    )


def test_a_journey_without_a_next_step_can_only_be_sent_somewhere() -> None:
    ready = explained(waiting(None))
    assert ready.why == "Ready, but without a next step."
    assert (
        ready.next
        == "The next worker that looks at it pauses it; jump_to() with the name of a step sets it going again."
    )
    assert explained(waiting(None, state=State.PAUSED)).next.startswith("It has no next step: jump_to()")


def test_a_journey_of_an_unknown_type() -> None:
    assert "it knows no steps of such a journey at all" in explained(waiting(), Untouched).why


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("held", [{}, HELD, LOST], ids=["free", "held", "lost"])
@pytest.mark.parametrize("step", ["welcome", "survey", "close", None])
@pytest.mark.parametrize("due", [LATER, NOW, NOW - timedelta(days=1), None])
@pytest.mark.parametrize("journey", [Signup, Untouched])
def test_there_is_something_to_say_of_every_row(state: State, held: Any, step: Any, due: Any, journey: Any) -> None:
    explanation = explained(waiting(step, due, state=state, attempts=2, **held), journey)
    for sentences in (explanation.why, explanation.next):
        assert sentences.endswith((".", "?"))
        assert "None" not in sentences.replace("by None", "by nobody")
        assert ".." not in sentences
        assert "  " not in sentences


# ---------------------------------------------------------------------------------------------- what is to come


def test_the_coming_steps_and_when_they_are_expected() -> None:
    assert explained(waiting("welcome", LATER)).coming == (
        ("remind", LATER + timedelta(days=2, hours=3)),
        ("call", None),
        ("thank", None),
        ("close", T0 + timedelta(days=15)),
    )


def test_they_are_counted_from_now_when_the_next_step_is_due() -> None:
    for row in (waiting("welcome", NOW - timedelta(days=1)), waiting("welcome", None, state=State.PAUSED)):
        assert explained(row).coming[0] == ("remind", NOW + timedelta(days=2, hours=3))


def test_an_after_that_has_passed_follows_at_once() -> None:
    late = NOW + timedelta(days=20)
    assert explained(waiting("thank", late)).coming == (("close", late),)
    assert explained(waiting("thank", late)).next.endswith(
        "step 'close' comes at about 2030-01-30 12:00:00 UTC (in 20 days)."
    )


def test_a_step_without_a_wait_follows_at_once() -> None:
    journey = journey_of({"one": step(lambda journey: 1), "two": step(lambda journey: 2)})
    assert explained(waiting("one", NOW), journey).next.endswith("after it, step 'two' comes at once.")
    assert explained(waiting("two", NOW), journey).next.endswith("after it, the journey is finished.")


def test_a_wait_beyond_the_year_9999_breaks_nothing() -> None:
    journey = journey_of({"one": step(lambda journey: 1), "two": step(lambda journey: 2, wait=timedelta.max)})
    [(name, expected)] = explained(waiting("one"), journey).coming
    assert name == "two"
    assert expected is not None
    assert expected.year == 9999


# -------------------------------------------------------------------------------------- time until the final step


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (waiting("welcome", LATER), timedelta(days=4, hours=4)),
        (waiting("welcome", NOW - timedelta(days=9)), timedelta(days=2, hours=4)),
        (waiting("nudge", LATER), timedelta(days=2, hours=1)),
        (waiting("close", LATER), timedelta(days=2)),
        (waiting("close", NOW - timedelta(days=9)), timedelta()),
        (performing("close"), timedelta()),
        (waiting("close", LATER, state=State.PAUSED), timedelta(days=2)),
        (waiting("close", None, state=State.PAUSED), None),
        (waiting("survey", LATER), None),
        (waiting(None, LATER), None),
        (waiting("close", LATER, state=State.CANCELED), None),
        (waiting(None, None, state=State.FINISHED), None),
    ],
)
def test_the_time_remaining_until_the_final_step(row: Row, expected: timedelta | None) -> None:
    assert remaining(row, Signup.steps, NOW) == expected


# ------------------------------------------------------------------------------------------------------ diagram


def test_the_diagram_shows_the_steps_in_order_with_their_waits() -> None:
    assert (
        diagram(Signup.definition)
        == """\
flowchart TD
    started(["start"])
    step1["welcome"]
    step2["remind"]
    step3["call"]
    step4["thank"]
    step5["close"]
    finished(["finished"])
    started --> step1
    step1 -->|"after 2 days 3 hours"| step2
    step2 -->|"at a time worked out then"| step3
    step3 -->|"after 1 hour"| step4
    step4 -->|"15 days after the start"| step5
    step5 --> finished
    each(["before each step"]) -.->|"cancel_if hero_left"| canceled(["canceled"])"""
    )


def test_a_journey_without_steps_leads_from_start_to_finish() -> None:
    assert (
        diagram(Untouched.definition)
        == """\
flowchart TD
    started(["start"])
    finished(["finished"])
    started --> finished"""
    )


def test_waits_that_only_the_journey_knows() -> None:
    body = {
        "one": step(lambda journey: 1, wait=lambda journey: 1),
        "two": step(lambda journey: 1, after=lambda journey: 1),
        "three": step(lambda journey: 1, wait=0.5),
    }
    drawn = diagram(journey_of(body).definition)
    assert drawn.count('-->|"after a wait worked out then"|') == 2
    assert '-->|"after less than a second"| step3' in drawn


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ('say "hi"', "say #34;hi#34;"),
        ("end", "end"),
        ("a|b]c", "a#124;b#93;c"),
        ("<b>&amp;", "#60;b#62;#38;amp#59;"),
        ("#35;", "#35;35#59;"),
        ("`code`", "#96;code#96;"),
        ("%%{init}%%", "#37;#37;#123;init#125;#37;#37;"),
        ("two\nlines", "two#10;lines"),
        ("größe 大", "größe 大"),
    ],
)
def test_a_name_can_do_the_diagram_no_harm(name: str, shown: str) -> None:
    journey = journey_of({"odd": step(lambda journey: 1, name=name)})
    assert f'    step1["{shown}"]\n' in diagram(journey.definition)


def test_what_may_cancel_is_named_where_it_has_names() -> None:
    body = {
        "hero_left": lambda self: False,
        "bankrupt": lambda self: False,
        "either": cancel_if([any_of("hero_left", not_("bankrupt"))]),
        "again": cancel_if("hero_left"),
        "unnamed": cancel_if([lambda journey: False]),
    }
    assert '|"cancel_if hero_left, bankrupt"|' in diagram(journey_of(body).definition)
    assert '|"cancel_if"|' in diagram(journey_of({"no": cancel_if([])}).definition)


# ------------------------------------------------------------------------------------------------------ wording


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(days=2, hours=3, minutes=59), "2 days 3 hours"),
        (timedelta(days=1, minutes=59), "1 day"),
        (timedelta(hours=1, minutes=1), "1 hour 1 minute"),
        (timedelta(minutes=3, seconds=20), "3 minutes 20 seconds"),
        (timedelta(seconds=1.9), "1 second"),
        (timedelta(milliseconds=3), "less than a second"),
        (timedelta(), "less than a second"),
        (-timedelta(minutes=5), "5 minutes"),
    ],
)
def test_durations_are_told_by_their_largest_units(span: timedelta, words: str) -> None:
    assert length(span) == words


def test_an_explanation_is_data_that_stays() -> None:
    explanation = explained(waiting())
    with pytest.raises(AttributeError):
        explanation.why = "because"  # type: ignore[misc]
    assert explanation == explained(waiting())
    assert explained(waiting(due=datetime(2030, 1, 10, 13, tzinfo=UTC))).due == NOW + timedelta(hours=1)
