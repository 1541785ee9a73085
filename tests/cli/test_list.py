"""`list` shows the journeys there are, narrowed as one likes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stepper_motor import step
from tests.cli.running import data, ids, lines, run
from tests.home import (
    Account,
    Drip,
    Journey,
    OrderLine,
    Payment,
    PaymentJourney,
    ThreeSteps,
    create,
    hero_type_of,
    put,
    put_behind,
    start,
)

pytestmark = pytest.mark.database


def of(*journeys):
    return [str(journey._id) for journey in journeys]


def test_there_may_be_none():
    assert lines("list") == ["No journeys."]
    assert data("list") == []


def test_a_line_tells_where_a_journey_stands(clock, ada):
    drip, three = start(Drip, ada), start(ThreeSteps)
    drip.perform_next_step()
    three.pause("the customer asked")
    clock.move(timedelta(hours=1))

    header, *rows = lines("list")

    assert header.split() == ["ID", "TYPE", "HERO", "STATE", "STEP", "DUE", "REASON"]
    assert [row.split("  ")[-1].strip() for row in rows] == ["the customer asked", "in 1 day 23 hours"]
    words = [row.split() for row in rows]
    assert words[0][:3] == [*of(three), ThreeSteps.definition.type_name, "paused"]
    assert words[1][:5] == [
        *of(drip),
        Drip.definition.type_name,
        f"{hero_type_of(type(ada))}:{ada.id}",
        "ready",
        "remind",
    ]
    assert len({row.index("2030-01-1") for row in rows}) == 1, "the columns stand under one another"


def test_as_json_it_is_the_row_a_line_for_each(clock, ada):
    journey = start(ThreeSteps, ada, data={"cart": ["ü"]}, key="spring")
    noon = "2030-01-10T12:00:00+00:00"

    (row,) = data("list")

    assert row == {
        "id": journey._id, "type": ThreeSteps.definition.type_name, "hero_type": hero_type_of(type(ada)),
        "hero_id": str(ada.id), "key": "spring", "created_at": noon, "state": "ready", "reason": None,
        "previous_step_name": None, "next_step_name": "one", "next_step_to_be_performed_at": noon, "attempts": 0,
        "failures": 0, "losses": 0, "round": 0, "steps_entered": 0, "steps_completed": 0, "fence": journey.fence,
        "arrived_at": noon, "lease_expires_at": None, "performed_by": None, "updated_at": noon, "ended_at": None,
        "data": {"cart": ["ü"]},
    }  # fmt: skip


def test_it_can_be_narrowed_by_type_and_state_together():
    paused, _, drip = start(ThreeSteps), start(ThreeSteps), start(Drip)
    paused.pause()
    drip.pause()

    assert ids("--type", ThreeSteps.definition.type_name, "--state", "paused") == of(paused)
    assert ids("--state", "canceled") == []


def test_a_step_is_found_under_its_former_names_too():
    class Renamed(Journey):
        @step(formerly="old")
        def new(self): ...

    class Other(Journey):
        @step
        def old(self): ...

    before, after, other = start(Renamed), start(Renamed), start(Other)
    put(before, next_step_name="old")

    assert ids("--step", "new") == of(after, before)
    assert ids("--step", "old") == of(other, after, before)


def test_a_hero_is_named_by_table_and_key_or_by_the_key_alone(ada):
    account, line = create(Account), create(OrderLine, order_number=7, line="a")
    of_ada, of_account, of_line = start(ThreeSteps, ada), start(ThreeSteps, account), start(ThreeSteps, line)

    assert ids("--hero", f"{hero_type_of(type(ada))}:{ada.id}") == of(of_ada)
    assert ids("--hero", ada.id) == of(of_ada)
    assert ids("--hero", f"{hero_type_of(Account)}:{ada.id}") == []
    assert ids("--hero", account.id) == ids("--hero", account.id.hex) == of(of_account)
    assert ids("--hero", '["7", "a"]') == of(of_line)


def test_a_hero_that_is_a_foreign_key_is_found_as_any_other(ada):
    payment, other = create(Payment), create(Payment)
    journey, _, without = start(PaymentJourney, payment), start(PaymentJourney, other), start(PaymentJourney)
    table = hero_type_of(Payment)

    assert ids("--hero", f"{table}:{payment.id}") == ids("--hero", payment.id) == of(journey)
    assert ids("--hero", f"{hero_type_of(type(ada))}:{payment.id}") == []
    heroes = {row["id"]: (row["hero_type"], row["hero_id"]) for row in data("list")}
    assert heroes[str(journey._id)] == (table, str(payment.id))
    assert heroes[str(without._id)] == (None, None)


def test_due_are_those_that_a_worker_could_take_the_soonest_due_first(clock):
    due, late = start(ThreeSteps), start(ThreeSteps, at=clock.at + timedelta(hours=1))
    start(ThreeSteps, at=clock.at + timedelta(days=1))
    start(ThreeSteps).pause()

    clock.move(timedelta(hours=2))

    assert ids("--due") == of(due, late)
    assert ids("--due", "--order", "newest") == of(late, due)


def test_the_order_is_newest_first_or_by_due_time(clock):
    second, first, ended = start(Drip, at=clock.at + timedelta(days=2)), start(Drip), start(Drip)
    ended.cancel()

    assert ids() == of(ended, first, second)
    assert ids("--order", "due") == of(first, second)


def test_no_more_are_listed_than_the_limit_says():
    journeys = [start(Drip) for _ in range(3)]

    _, *listed, more = lines("list", "--limit", 2)

    assert [line.split()[0] for line in listed] == of(journeys[2], journeys[1])
    assert more == "There may be more: --limit is 2."


def test_the_journeys_of_all_tables_are_listed_together(clock):
    started = []
    for cls in (PaymentJourney, Drip, PaymentJourney):
        started.append(start(cls))
        clock.move(timedelta(minutes=1))

    assert ids() == of(*reversed(started))
    assert ids("--limit", 2) == of(started[2], started[1])
    assert ids("--order", "due", "--limit", 2) == of(started[0], started[1])


def test_journeys_of_a_type_that_this_code_does_not_know_are_listed_as_any_others():
    journey = start(Drip)
    put_behind(journey, type="gone.Journey")

    assert ids("--type", "gone.Journey") == of(journey)


def test_texts_of_others_can_neither_steer_the_terminal_nor_break_the_line():
    start(Drip).pause("one\ntwo\x1b[2J" + "x" * 100)

    (_, line) = lines("list")

    assert "one two\ufffd[2Jxxx" in line
    assert line.endswith("x…")


REFUSED = [
    (["--state", "ready-ish"], "invalid choice"),
    (["--limit", "0"], "at least 1"),
    (["--order", "oldest"], "invalid choice"),
]


@pytest.mark.parametrize(("arguments", "says"), REFUSED)
def test_a_wrong_argument_is_refused_with_a_reason(arguments, says, capsys):
    with pytest.raises(SystemExit, match="2"):
        run("list", *arguments)
    assert says in capsys.readouterr().err
