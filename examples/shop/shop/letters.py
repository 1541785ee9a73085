"""The shop's e-mails."""

from dataclasses import dataclass

from django.core.mail import EmailMessage


@dataclass(frozen=True)
class Letter:
    subject: str
    text: str

    def send(self, to: str, *, key: str) -> None:
        """Mails the letter. A repetition carries the same Message-ID, by which a mailbox may know it.

        Args:
            to: The address.
            key: Names this one mail: the same when it is repeated, another for another mail.
        """
        EmailMessage(self.subject, self.text, to=[to], headers={"Message-ID": f"<{key}@shop.example>"}).send()


WELCOME = Letter("Welcome!", "Good to have you. Your first order ships for free.")
FIRST_ORDER = Letter("Your first order", "Your free shipping is waiting for you.")
ONBOARDED = Letter("You know your way around", "From here on we only write when there is something to say.")
RENEWAL = Letter("Your subscription is about to end", "Renew it, and keep what you like about it.")
PAID = Letter("Your payment has arrived", "Thank you, the money has been moved.")
NOT_PAID = Letter("Your payment has failed", "No money was moved. Please try another account.")
FAREWELL = Letter("Your account is gone", "We have deleted your account and your data.")
