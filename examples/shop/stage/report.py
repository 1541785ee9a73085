"""What came of it all, in print."""

from __future__ import annotations

from collections import Counter
from textwrap import wrap
from typing import Any

from stage.audit import audit
from stage.evidence import Evidence
from stepper_motor import State
from stepper_motor.django import Journey


def print_report(evidence: Evidence, *, stays: bool) -> bool:
    """Prints what came of every journey and whether it adds up; tells whether it does.

    Args:
        stays: Whether the database stays when the demo has ended.
    """
    print("\nWHAT CAME OF THE JOURNEYS\n")
    for line in _fates(evidence):
        print(line)
    print("\nWHAT ELSE CAME OF THEM\n")
    for line in _effects(evidence):
        print(line)
    print("\nDOES IT ADD UP?\n")
    verdict = audit(evidence)
    for claim, objections in verdict.items():
        print(f"  {'no ' if objections else 'yes'}  {claim}")
        for objection in objections[:5]:
            print(f"         {objection}")
    if stays:
        print("\nLook around: `python manage.py runserver` in examples/shop, /admin/ as olga with the password olga.")
    return not any(verdict.values())


def _fates(evidence: Evidence) -> list[str]:
    lines = []
    for kind, journeys in evidence.journeys.items():
        lines.append(f"  {kind.__name__:26}{len(journeys):6}")
        fates = Counter((journey.state, _why(journey)) for journey in journeys)
        for (state, why), number in sorted(fates.items(), key=lambda fate: (fate[0][0] != State.FINISHED, fate[0])):
            lines.append(f"    {state:24}{number:6}  {why}".rstrip())
    return lines


def _why(journey: Journey[Any]) -> str:
    return "" if journey.state == State.FINISHED else (journey.reason or "").partition("\n")[0][:90]


def _effects(evidence: Evidence) -> list[str]:
    subjects = Counter(mail.subject for mail in evidence.mails)
    outcomes = Counter(entry.outcome for entries in evidence.history.values() for entry in entries)
    booked = [transfer["order"]["cents"] for transfer in evidence.ledger for _ in range(transfer["booked"])]
    repeated = sum(transfer["seen"] - 1 for transfer in evidence.ledger)
    return [
        *_entry("mails", f"{len(evidence.mails)} sent, {evidence.copies_of_mails} of them twice: {_listed(subjects)}"),
        *_entry("bonuses", f"{evidence.bonuses.total()} given: {_listed(evidence.bonuses)}"),
        *_entry("archives", f"{len(evidence.archives)} written"),
        *_entry("money", f"moved {len(booked)} times, {sum(booked) / 100:,.2f} in all"),
        *_entry("", f"{repeated} orders reached the bank once more, under a key it knew, and moved nothing"),
        *_entry("history", _listed(outcomes)),
    ]


def _entry(title: str, text: str) -> list[str]:
    return wrap(text, width=110, initial_indent=f"  {title:10}", subsequent_indent=" " * 12)


def _listed(numbers: Counter[str]) -> str:
    return ", ".join(f"{number} {name}" for name, number in numbers.most_common())
