"""What a queue does not know is refused, with what to write instead."""

import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import pytest

from stepper_motor.motor.queue_options import (
    DICTIONARY,
    NAME,
    NUMBER,
    WHOLE_NUMBER,
    YES_OR_NO,
    check_options,
    check_priority,
)

pytestmark = pytest.mark.pure

KINDS = {
    "queue": NAME, "priority": WHOLE_NUMBER, "limit": NUMBER, "at_front": YES_OR_NO, "labels": DICTIONARY,
    "expires": (int, float, timedelta, datetime),
}  # fmt: skip


class Lane(StrEnum):
    FAST = "fast"


@pytest.mark.parametrize(
    "options",
    [
        {}, {"queue": "mails"}, {"queue": Lane.FAST}, {"priority": 0}, {"limit": 1.5}, {"limit": 2},
        {"at_front": False}, {"labels": {}}, {"expires": timedelta(1)}, {"expires": datetime(2026, 1, 1, tzinfo=UTC)},
    ],
)  # fmt: skip
def test_what_it_knows_is_taken(options):
    check_options("Celery has", options, KINDS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"colour": "red"}, "Celery has no queue option 'colour'; there are queue, priority, limit, at_front, labels"),
        ({"queue": 7}, "queue must be a name, got 7"),
        ({"queue": None}, "queue must be a name, got None"),
        ({"queue": ""}, "queue must be a name of 1 to 255 bytes, got ''"),
        ({"queue": "ü" * 128}, "queue must be a name of 1 to 255 bytes, got 'ü"),
        ({"priority": "high"}, "priority must be a whole number, got 'high'"),
        ({"priority": True}, "priority must be a whole number, got True"),
        ({"limit": True}, "limit must be a number, got True"),
        ({"at_front": 1}, "at_front must be True or False, got 1"),
        ({"labels": ["a"]}, "labels must be a dictionary, got ['a']"),
        ({"expires": "soon"}, "expires must be a number or a timedelta or a datetime, got 'soon'"),
    ],
)
def test_what_it_does_not_know_is_refused(options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        check_options("Celery has", options, KINDS)


def test_a_priority_is_one_that_a_message_has_room_for():
    for priority in (0, 255):
        check_priority({"priority": priority})
    check_priority({})
    with pytest.raises(ValueError, match="priority must be from 0 to 255, got 256"):
        check_priority({"priority": 256})
    with pytest.raises(ValueError, match="broker_priority must be from 0 to 9, got -1"):
        check_priority({"broker_priority": -1}, "broker_priority", highest=9)
