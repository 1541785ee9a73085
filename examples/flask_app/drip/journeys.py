"""What happens to the app's users over weeks."""

from __future__ import annotations

from datetime import timedelta

from drip import outbox
from drip.models import Journey
from stepper_motor import cancel_if, step


class SignupJourney(Journey):
    """Four letters in a user's first weeks, or fewer."""

    @cancel_if
    def user_left(self) -> bool:
        return self.hero.left_at is not None

    @step
    def welcome(self) -> None:
        self.write("Welcome", "Good to have you here.")

    @step(wait=timedelta(days=2), skip_if="has_come_back")
    def remind(self) -> None:
        self.write("Your account is ready", "Look in whenever you like.")

    @step(wait=timedelta(days=5))
    def give_a_tip(self) -> None:
        self.write("Did you know?", "There is more to discover.")

    # Counted from the start of the journey: two weeks after registering, whatever came in between.
    @step(after=timedelta(days=14))
    def ask_for_opinion(self) -> None:
        self.write("How do you like it?", "Two weeks are over. Tell us what we can do better.")

    def has_come_back(self) -> bool:
        return self.hero.seen_at is not None

    def write(self, subject: str, text: str) -> None:
        # The key is the same whenever the step is repeated, so a letter replaces itself.
        outbox.send(self.hero.email, subject, f"Dear {self.hero.name},\n\n{text}\n", key=self.idempotency_key)
