"""The claims that the demo makes about the library, each held against the evidence."""

from __future__ import annotations

import gzip
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from shop import letters
from shop.journeys import (
    AccountErasureJourney,
    ChurnPreventionJourney,
    PaymentJourney,
    ReengagementJourney,
    SignupJourney,
)
from shop.models import BonusProgram
from stage.evidence import Evidence
from stage.life import COMPLAINT
from stepper_motor import State

Objections = Iterator[str]


def audit(evidence: Evidence) -> dict[str, list[str]]:
    """Every claim, with what speaks against it."""
    return {claim: list(objections(evidence)) for claim, objections in CLAIMS.items()}


def _still_moving(evidence: Evidence) -> Objections:
    for journey in evidence.everyone():
        if journey.state in (State.READY, State.PERFORMING):
            yield f"{journey} is {journey.state}: {journey.explain()}"


def _without_a_reason(evidence: Evidence) -> Objections:
    for journey in evidence.everyone():
        if journey.state in (State.PAUSED, State.CANCELED) and not journey.reason:
            yield f"{journey} is {journey.state}"


def _paused_by_itself(evidence: Evidence) -> Objections:
    for journey in evidence.everyone():
        expected = COMPLAINT in str(journey.reason) or "BankUnavailable" in str(journey.reason)
        if journey.state == State.PAUSED and not expected:
            yield f"{journey} is paused: {journey.reason}"


def _out_of_order(evidence: Evidence) -> Objections:
    for journey in evidence.everyone():
        steps = list(type(journey).steps.names)
        passed = [entry.step_name for entry in evidence.history[journey.pk] if _passes(entry)]
        if passed != steps[: len(passed)] or (journey.state == State.FINISHED and passed != steps):
            yield f"{journey} is {journey.state} and passed {passed}"


def _passes(entry: Any) -> bool:
    """Whether the journey left the step behind; the reminder says `if_lost="skip"`."""
    lost_for_good = entry.outcome == "lost" and entry.step_name == "remind_of_first_order"
    return entry.outcome in ("completed", "skipped") or lost_for_good


def _not_taken_over(evidence: Evidence) -> Objections:
    accident = evidence.crew.accident
    if not accident or not accident.steps:
        yield "no worker was killed in the middle of a step"
        return
    for key, step in accident.steps.items():
        if not any(entry.step_name == step and entry.outcome == "lost" for entry in evidence.history[key]):
            yield f"the history of journey {key} does not tell that {step} was lost"


def _ended_badly(evidence: Evidence) -> Objections:
    for name, code in evidence.crew.exit_codes.items():
        if code:
            yield f"{name} ended with exit code {code}"


def _money_astray(evidence: Evidence) -> Objections:
    transfers = defaultdict(list)
    for transfer in evidence.ledger:
        transfers[transfer["order"]["reference"]].append(transfer)
    for journey in evidence.journeys[PaymentJourney]:
        payment = evidence.payments[str(journey.hero_id)]
        found = transfers.pop(f"payment {payment.pk}", [])
        booked = sum(transfer["booked"] * transfer["order"]["cents"] for transfer in found)
        right = {State.FINISHED: (payment.cents,), State.CANCELED: (0,)}.get(journey.state, (0, payment.cents))
        if len(found) > 1 or booked not in right:
            yield f"{journey} is {journey.state}, but of {payment} the bank booked {booked} cents: {found}"
    for reference in transfers:
        yield f"the bank knows of a {reference}, the shop does not"


def _payments_left_lying(evidence: Evidence) -> Objections:
    on_their_way = {str(journey.hero_id) for journey in evidence.journeys[PaymentJourney]}
    for key, payment in evidence.payments.items():
        if key not in on_their_way:
            yield f"{payment} has no journey"


def _bonuses_miscounted(evidence: Evidence) -> Objections:
    kind = BonusProgram.Kind
    for bonus, step in {kind.REENGAGEMENT: "first", kind.DISCOUNT: "second", kind.DOUBLE_DISCOUNT: "third"}.items():
        done = evidence.times(ReengagementJourney, step, "completed")
        if evidence.bonuses[bonus] != done:
            yield f"{evidence.bonuses[bonus]} bonuses of the kind {bonus}, but {done} completed steps {step!r}"


def _mails_miscounted(evidence: Evidence) -> Objections:
    for letter, kind, step, outcome in (
        (letters.WELCOME, SignupJourney, "send_welcome", "completed"),
        (letters.FIRST_ORDER, SignupJourney, "remind_of_first_order", "completed"),
        (letters.ONBOARDED, SignupJourney, "complete_onboarding", "completed"),
        (letters.RENEWAL, ChurnPreventionJourney, "remind_until_it_ends", "reattempted"),
        (letters.FAREWELL, AccountErasureJourney, "send_deletion_email", "completed"),
    ):
        done = evidence.times(kind, step, outcome)
        lost = evidence.times(kind, step, "lost")  # Nobody can know whether these had sent theirs.
        if not done <= evidence.sent(letter) <= done + lost:
            yield f"{evidence.sent(letter)} mails {letter.subject!r}, but {done} steps {step!r} ({lost} lost)"


def _badly_erased(evidence: Evidence) -> Objections:
    finished = [each for each in evidence.journeys[AccountErasureJourney] if each.state == State.FINISHED]
    for journey in finished:
        if str(journey.hero_id) in evidence.customers:
            yield f"{journey} is finished, but its customer is still there"
        if journey.data:
            yield f"{journey} still knows {journey.data}"
    if len(evidence.archives) != len(finished):
        yield f"{len(evidence.archives)} archives of {len(finished)} erased accounts"
    for archive in evidence.archives:
        content = gzip.decompress(archive.read_bytes()).decode()
        if "visit" not in content or "@" in content:
            yield f"{archive.name} is empty, or names a person"


CLAIMS: dict[str, Callable[[Evidence], Objections]] = {
    "every journey has ended, or is paused until somebody resumes it": _still_moving,
    "every canceled or paused journey tells why": _without_a_reason,
    "paused are only those whose bank is offline, and those that the operator has paused": _paused_by_itself,
    "no step was passed twice, left out or taken out of its order": _out_of_order,
    "what the killed worker had in its hands was taken over, and the history tells of it": _not_taken_over,
    "the other workers ended at SIGTERM with exit code 0": _ended_badly,
    "every payment went on its way": _payments_left_lying,
    "money moved exactly once for a finished payment, not at all for a canceled one": _money_astray,
    "a bonus was given exactly once for each completed step": _bonuses_miscounted,
    "a mail was sent for each step that sends one, and no other": _mails_miscounted,
    "an erased account is archived without a name, and gone": _badly_erased,
}
