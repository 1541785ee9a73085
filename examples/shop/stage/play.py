"""The play itself: workers work, life happens, one worker is killed, and at the end everything is counted."""

from __future__ import annotations

import argparse
import random
import time
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User

from shop.clock import now
from stage.board import Board
from stage.cast import invite, send_on_their_way
from stage.crew import Crew
from stage.evidence import Evidence
from stage.life import SALE, Life
from stage.processes import Bank
from stage.report import print_report
from stage.staff import STAFF
from stepper_motor import State
from stepper_motor.django import Journey

BLINK = 0.05
"""Real seconds between two looks at the stage."""


def play(options: argparse.Namespace, *, bank: Bank, length: timedelta) -> int:
    """Plays until no journey moves any more.

    Returns:
        0 if everything adds up, else 1.
    """
    dice = random.Random(options.seed)
    cast = invite(options.heroes, dice)
    life = Life(cast, dice, operator=User.objects.create_superuser("olga", password="olga"), bank=bank)
    started = send_on_their_way(cast)
    board = Board(opening=now(), length=length)
    board.say(f"{started} heroes are sent on their ways")
    with Crew(STAFF[options.queue], Path(settings.FOLDER), board) as crew:
        perform(life, crew, board, real_seconds=options.seconds * 1.5 + 30)
    return 0 if print_report(Evidence(bank.ledger(), crew), stays=not options.queue) else 1


def perform(life: Life, crew: Crew, board: Board, *, real_seconds: float) -> None:
    """Lets life and work go on until all is done, or the time is up."""
    deadline = time.monotonic() + real_seconds
    while time.monotonic() < deadline and not (life.over and at_rest()):
        for line in life.go_on(day=board.day):
            board.say(line)
        if board.day >= SALE + 0.5 and not crew.accident:
            crew.have_an_accident()
        crew.look_after_the_accident()
        board.show()
        time.sleep(BLINK)
    board.show(finally_=True)


def at_rest() -> bool:
    """Whether every journey has ended, or is paused until somebody resumes it."""
    return not Journey.objects.ongoing().exclude(state=State.PAUSED).exists()
