"""What happens to the shop's customers and payments over days and weeks.

At least once, never twice at a time: a step whose worker dies is performed again, unless `if_lost` says otherwise.
So each step here either writes to the database alone (`atomic=True`: nothing of a dead worker's attempt remains),
or may be repeated (a file that replaces itself, a bank that knows the key), or says what a loss is to mean.
"""

from __future__ import annotations

from datetime import timedelta

from shop import bank, letters
from shop.archive import write_archive
from shop.clock import now
from shop.models import BonusProgram, Customer, Payment
from stepper_motor import Outcome, Reattempt, cancel_if, step
from stepper_motor.django import Journey


class SignupJourney(Journey[Customer]):
    """Three mails in a customer's first weeks."""

    @cancel_if
    def customer_left(self) -> bool:
        return self.hero.has_left

    @step
    def send_welcome(self) -> None:
        letters.WELCOME.send(self.hero.email, key=self.idempotency_key)

    # A nudge: rather not sent than sent twice, should the worker die in the middle of it.
    @step(wait=timedelta(days=2), skip_if="has_purchased", if_lost="skip")
    def remind_of_first_order(self) -> None:
        letters.FIRST_ORDER.send(self.hero.email, key=self.idempotency_key)

    @step(wait=timedelta(days=15))
    def complete_onboarding(self) -> None:
        letters.ONBOARDED.send(self.hero.email, key=self.idempotency_key)

    def has_purchased(self) -> bool:
        return self.hero.purchases.exists()


class ReengagementJourney(Journey[Customer]):
    """Ever better offers to a customer who has stopped buying, and in the end a closed account."""

    @cancel_if
    def reengaged(self) -> bool:
        return self.hero.purchases.filter(created_at__gt=self.created_at).exists()

    @step(atomic=True)
    def first(self) -> None:
        self.offer(BonusProgram.Kind.REENGAGEMENT)
        self.hero.record("reengagement_touchpoint", step=1)

    @step(wait=timedelta(days=14), atomic=True)
    def second(self) -> None:
        self.offer(BonusProgram.Kind.DISCOUNT)
        self.hero.record("reengagement_touchpoint", step=2)

    @step(wait=timedelta(days=7), atomic=True)
    def third(self) -> None:
        self.offer(BonusProgram.Kind.DOUBLE_DISCOUNT)
        self.hero.record("reengagement_touchpoint", step=3)

    @step(wait=timedelta(days=3), atomic=True)
    def final(self) -> None:
        self.hero.record("reengagement_touchpoint", step=4)
        AccountErasureJourney.start(self.hero, on_conflict="existing")

    def offer(self, kind: BonusProgram.Kind) -> None:
        self.hero.bonus_programs.create(kind=kind)


class ChurnPreventionJourney(Journey[Customer]):
    """Reminders at ever shorter intervals, until the subscription is renewed or has ended."""

    @cancel_if
    def renewed(self) -> bool:
        return self.time_left() > timedelta(days=120)

    @step
    def remind_until_it_ends(self) -> Outcome | None:
        if self.time_left() <= timedelta(days=1):
            return None  # Nothing left to prevent: the journey finishes.
        # Each round sends a mail of its own; a round that is repeated after a crash sends the same one.
        letters.RENEWAL.send(self.hero.email, key=self.round_key)
        return self.reattempt(wait=self.time_left() / 2)

    def time_left(self) -> timedelta:
        assert self.hero.subscription_lapses_at, "only subscribers are sent on this journey"
        return self.hero.subscription_lapses_at - now()


class AccountErasureJourney(Journey[Customer]):
    """Everything that must happen when a customer asks to be forgotten, in this order and no other."""

    may_proceed_without_hero = True  # `delete_data` deletes the hero, and the last mail must still go out.

    @step(atomic=True)
    def deactivate_customer(self) -> None:
        self.hero.deactivate()

    @step(atomic=True)
    def remove_authentication_tokens(self) -> None:
        self.hero.auth_tokens.all().delete()

    # Writes outside the database. Repeated after a loss (the default), it replaces the file with the same one.
    @step
    def archive_pseudonymized_data(self) -> None:
        write_archive(self.hero)

    @step(atomic=True)
    def delete_data(self) -> None:
        self.data["address"] = self.hero.email  # Kept by the very commit that deletes the customer.
        self.hero.delete()

    # If the worker dies here, the mail may be sent twice, under one Message-ID: better than a customer never told.
    @step
    def send_deletion_email(self) -> None:
        letters.FAREWELL.send(self.data["address"], key=self.idempotency_key)
        self.data.clear()


class PaymentJourney(Journey[Payment]):
    """Moves money once: hands the order to the bank, then asks until the bank says what has come of it.

    A lost step is performed again (the default of `if_lost`): asking is harmless, and ordering is too, as the
    idempotency key stays the same whatever happens to the worker, and the bank moves money once per key.
    """

    on_exception = {bank.BankUnavailable: Reattempt(wait=timedelta(seconds=5), backoff=2, max_attempts=8, then="pause")}

    @step
    def initiate_payment(self) -> Outcome | None:
        transfer = bank.transfer(self.hero, idempotency_key=self.idempotency_key)
        if transfer.state == "declined":
            return self.give_up(f"declined: {transfer.explanation}")
        self.hero.taken_on(transfer.id)
        return None

    @step(wait=timedelta(seconds=30))
    def confirm_payment(self) -> Outcome | None:
        transfer = bank.details(self.hero.transfer_id)
        match transfer.state:
            case "processing":
                return self.reattempt()
            case "complete":
                self.hero.ended(Payment.Status.COMPLETE)
                self.tell_sender(letters.PAID)
                return None
            case _:
                return self.give_up(f"failed: {transfer.explanation}")

    def give_up(self, reason: str) -> Outcome:
        self.hero.ended(Payment.Status.FAILED)
        self.tell_sender(letters.NOT_PAID)
        return self.cancel(reason)

    def tell_sender(self, letter: letters.Letter) -> None:
        sender = Customer.objects.filter(payments=self.hero).first()
        if sender:  # The account may have been erased meanwhile.
            letter.send(sender.email, key=self.idempotency_key)
