"""The text that travels through a queue."""

import json

import pytest

from stepper_motor.motor.ticket import VERSION, Ticket, UnreadableTicket

pytestmark = pytest.mark.pure

PARTS = {"v": VERSION, "table": "stepper_motor_journeys", "id": "42", "fence": "abc"}


def test_a_ticket_says_which_journey_to_look_at_and_with_which_fence():
    assert json.loads(str(Ticket("stepper_motor_journeys", "42", "abc"))) == PARTS


def test_it_says_whose_it_is_where_a_process_has_several_motors():
    assert json.loads(str(Ticket("stepper_motor_journeys", "42", "abc", "billing"))) == {**PARTS, "motor": "billing"}


@pytest.mark.parametrize("motor", ["", "billing", "größe \U0001f680"])
def test_what_is_written_is_read(motor):
    ticket = Ticket("journeys", "c0ffee", "abc", motor)
    assert Ticket.read(str(ticket)) == ticket
    assert Ticket.read(str(ticket).encode()) == ticket
    assert Ticket.read(json.loads(str(ticket))) == ticket


def test_members_that_a_newer_process_has_added_are_ignored():
    assert Ticket.read(json.dumps({**PARTS, "priority": 3})) == Ticket("stepper_motor_journeys", "42", "abc")


@pytest.mark.parametrize("version", [VERSION + 1, "1", None, 1.5])
def test_a_ticket_of_another_version_is_not_read(version):
    with pytest.raises(UnreadableTicket, match="version"):
        Ticket.read(json.dumps({**PARTS, "v": version}))


def test_a_ticket_of_an_older_version_is_read():
    assert Ticket.read(json.dumps({**PARTS, "v": VERSION - 1})).fence == "abc"


@pytest.mark.parametrize(
    "text",
    [
        "", "42", "null", "[]", "{}", "garbage", b"\xff\xfe", None, 42, object(), "[" * 100_000,
        json.dumps({**PARTS, "id": 42}), json.dumps({**PARTS, "fence": None}), json.dumps({**PARTS, "motor": []}),
        json.dumps({name: part for name, part in PARTS.items() if name != "table"}),
        json.dumps({name: part for name, part in PARTS.items() if name != "v"}),
    ],
    ids=repr,
)  # fmt: skip
def test_what_is_no_ticket_is_said_to_be_none(text):
    with pytest.raises(UnreadableTicket, match="this is no ticket"):
        Ticket.read(text)
