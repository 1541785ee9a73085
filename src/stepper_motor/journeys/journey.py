"""What every journey is, whichever ORM keeps its row: a definition, verbs, and knowledge of itself."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NoReturn, Protocol, TypeVar, cast

from stepper_motor.journeys.definition import UNSET, Definition, define
from stepper_motor.journeys.durations import given_time
from stepper_motor.journeys.errors import InvalidState
from stepper_motor.journeys.explanation import Explanation, diagram, explain, remaining
from stepper_motor.journeys.outcomes import (
    Canceled,
    Finished,
    Interruption,
    Jumped,
    Outcome,
    Paused,
    Reattempted,
    Skipped,
)
from stepper_motor.journeys.policies import Reattempt
from stepper_motor.journeys.row import Row
from stepper_motor.journeys.steps import Step, Steps, duration

if TYPE_CHECKING:
    from typing_extensions import TypeVar as TypeVarWithDefault

    HeroT = TypeVarWithDefault("HeroT", default=Any)
else:
    HeroT = TypeVar("HeroT")


class Door(Protocol):
    """The way from a journey to the motor that moves it; the home of the row gives it."""

    def intervene(self, journey: Any, verb: str, **told: Any) -> Outcome: ...
    def perform_next_step(self, journey: Any, fence: str | None) -> Outcome | None: ...
    def now(self) -> datetime: ...

    @property
    def unknown_step_grace(self) -> timedelta: ...


class Inside(Protocol):
    """What a journey knows of the performance it is in."""

    remark: str | None
    fence: Any
    holder: Any
    """None where nobody performs: the body was called by hand."""

    def verb_raised(self) -> None: ...


if TYPE_CHECKING:

    class _OfHero(Generic[HeroT]):
        """`class Signup(Journey[User])` gives `self.hero` its type."""
else:

    class _OfHero:
        # Django 5.2 can't migrate a model with a plain `Generic` among its bases (its ticket 33174).
        def __class_getitem__(cls, item):
            return cls


class JourneyBase(_OfHero[HeroT]):
    """Named steps in order, a hero they happen to, and verbs that steer."""

    _is_journey_base: ClassVar[bool] = True

    on_exception: ClassVar[Any] = "pause"
    """What an exception in a step becomes: "pause", "cancel", "skip", "reattempt", a `Reattempt`, a callable
    (journey, error), or a mapping from exception class to any of these."""
    if_lost: ClassVar[str] = "reattempt"
    """What a performance becomes whose performer vanished: "reattempt", "pause", "skip" or "cancel"."""
    when_stuck: ClassVar[str]
    """Another name for `if_lost`."""
    may_proceed_without_hero: ClassVar[bool] = False
    """Whether steps are performed after the hero's record has gone (the journey is canceled otherwise)."""
    lease: ClassVar[timedelta | int | float | None] = None
    """How long a performer may be silent before its journey is taken over (seconds or a timedelta; None: as the
    settings say, 60 seconds)."""
    queue_options: ClassVar[Mapping[str, Any]] = {}
    """Handed to the job queue with each ticket, where there is one (a queue name, a priority)."""
    type_name: ClassVar[str | None] = None
    """The name under which rows remember the class. Set it to the old name when you rename the class."""
    delete_completed_after: ClassVar[timedelta | int | float | None] = UNSET
    """When ended journeys are deleted, with their history (None: never; not set: as the settings say, 30 days)."""

    _defined_by_home: ClassVar[bool] = False
    """Whether the home calls `define` itself, once the ORM has put the columns on the class."""
    definition: ClassVar[Definition]
    steps: ClassVar[Steps]

    _inside: Inside | None = None

    # ---------------------------------------------------------------------------------------------- hooks

    def before_step_starts(self, step: Step) -> Any:
        """Called before each body. One that raises is treated as the step raising."""

    def around_step(self, step: Step) -> Any:
        """A generator or context manager, sync or async, around each body."""

    def after_step_ends(self, step: Step, outcome: Outcome) -> Any:
        """Called after each body, with what came of it. One that raises is treated as the step raising."""

    def after_finish(self) -> Any:
        """Called once, after the journey finished and that was committed. An error in it changes nothing."""

    def after_cancel(self) -> Any:
        """Called once, after the journey was canceled, that was committed, and a running body has ended."""

    def after_pause(self) -> Any:
        """Called after the journey was paused, that was committed, and a running body has ended."""

    # ---------------------------------------------------------------------------------------------- verbs

    def cancel(self, reason: str | None = None, *, by: object = None) -> Outcome:
        """End the journey before its last step.

        Inside a step it ends the step too. From outside it acts in the caller's transaction; a body that runs
        is left to run to its end, and nothing it does changes that.

        Raises:
            InvalidState: from outside, when the journey has ended already.
        """
        if self._inside:
            self._leave(Canceled(reason), by)
        return self._door.intervene(self, "cancel", by=by, reason=reason)

    def pause(self, reason: str | None = None, *, by: object = None) -> Outcome:
        """Stop until somebody resumes it. The due time of the next step stays.

        Raises:
            InvalidState: from outside, when the journey is neither ready nor performing.
        """
        if self._inside:
            self._leave(Paused(reason), by)
        return self._door.intervene(self, "pause", by=by, reason=reason)

    def resume(self, *, by: object = None, reason: str | None = None) -> Outcome:
        """Go on where the journey was paused: at the due time it had, or at once where that has passed.

        Raises:
            InvalidState: when the journey is not paused, or inside its own step.
        """
        self._only_outside("resume")
        return self._door.intervene(self, "resume", by=by, reason=reason)

    def skip(self, *, by: object = None, reason: str | None = None) -> Outcome:
        """Pass over the step: inside, the one that runs; from outside, the next one.

        Raises:
            InvalidState: from outside, unless the journey is ready or paused, at the step this object knows of.
        """
        if self._inside:
            self._leave(Skipped(), by, reason)
        return self._door.intervene(self, "skip", by=by, reason=reason)

    def reattempt(
        self,
        wait: timedelta | int | float | Reattempt | None = None,
        *,
        at: datetime | None = None,
        by: object = None,
        reason: str | None = None,
    ) -> Outcome:
        """The same step again, after `wait` (seconds or a timedelta) or at `at` (aware).

        Without either: inside, after the step's own wait; from outside, now. A `Reattempt` lends its back-off.

        Raises:
            InvalidState: from outside, unless the journey is ready or paused, at the step this object knows of.
            ValueError: a negative wait, a naive time, or both.
        """
        self._check_when(wait, at)
        if self._inside:
            self._leave(Reattempted(wait, at), by, reason)
        return self._door.intervene(self, "reattempt", wait=wait, at=at, by=by, reason=reason)

    def reschedule(self, at: datetime | None = None, *, by: object = None, reason: str | None = None) -> Outcome:
        """Set the due time of the next step; without `at` it is worked out anew from today's definition.

        Raises:
            InvalidState: unless the journey is ready or paused, at the step this object knows of; or inside a step.
        """
        self._only_outside("reschedule")
        self._check_when(None, at)
        return self._door.intervene(self, "reschedule", at=at, by=by, reason=reason)

    def jump_to(
        self,
        step: str | None = None,
        wait: timedelta | int | float | Reattempt | None = None,
        *,
        at: datetime | None = None,
        by: object = None,
        reason: str | None = None,
    ) -> Outcome:
        """Go on at the named step, after `wait` (seconds or a timedelta), at `at`, or at once.

        From outside it opens an ended journey again; without `step`, at the one where it stopped.

        Raises:
            InvalidState: from outside, while a step runs, or when there is no step where it stopped.
            AlreadyOnJourney: an ended journey can't be opened again while its hero is on another.
            ValueError: an unknown step, a negative wait, a naive time, or `wait` and `at`.
        """
        self._check_when(wait, at)
        if step is None and self._inside:
            raise ValueError("jump_to() inside a step needs the name of a step")
        if step is not None:
            self._check_step(step)
        if self._inside:
            self._leave(Jumped(cast(str, step), wait, at), by, reason)
        return self._door.intervene(self, "jump_to", step=step, wait=wait, at=at, by=by, reason=reason)

    def finish(self, *, by: object = None, reason: str | None = None) -> Outcome:
        """End the journey as finished, whatever steps would follow.

        Raises:
            InvalidState: from outside, unless the journey is ready or paused, at the step this object knows of.
        """
        if self._inside:
            self._leave(Finished(), by, reason)
        return self._door.intervene(self, "finish", by=by, reason=reason)

    def perform_next_step(self, fence: str | None = None) -> Outcome | None:
        """Perform the next step now, if it is due, and re-raise what it raised once that is settled.

        Args:
            fence: perform only if the row still has this fence (a ticket's).

        Returns:
            What came of it; None when there was nothing to do (not ready, not due, another fence, taken by another).
        """
        return self._door.perform_next_step(self, fence)

    # ------------------------------------------------------------------------------------------ knowledge

    @property
    def logger(self) -> logging.LoggerAdapter[logging.Logger]:
        """A logger whose lines carry the journey's type, id and step."""
        extra = {
            "stepper_motor_journey_type": self.definition.type_name,
            "stepper_motor_journey_id": self._id,
            "stepper_motor_step": self._row.next_step_name,
            "stepper_motor_attempt": self._row.attempts + 1,
        }
        return logging.LoggerAdapter(logging.getLogger("stepper_motor.steps"), extra)

    @property
    def idempotency_key(self) -> str:
        """The same for this journey and step for ever: hand it to a payment provider. 32 hexadecimal digits."""
        return self._key("")

    @property
    def round_key(self) -> str:
        """Like `idempotency_key`, but differs for each round: after a reattempt that the code asked for, or a jump."""
        return self._key(str(self._row.round))

    def explain(self) -> Explanation:
        """Where the journey is, why it is not moving, and what comes next and when. Prints as sentences."""
        door = self._door
        return explain(
            self._row, self.definition, self._created_at, door.now(),
            unknown_step_grace=door.unknown_step_grace, unknown_type=self._unknown_type,
        )  # fmt: skip

    def time_remaining_until_final_step(self) -> timedelta | None:
        """From now to the due time, plus the plain waits of the steps after it; None when the journey has ended."""
        return remaining(self._row, self.steps, self._door.now())

    @classmethod
    def diagram(cls) -> str:
        """The steps as a Mermaid flow chart."""
        return diagram(cls.definition)

    # ------------------------------------------------------------------------- what the home has to provide

    @property
    def _reading_store(self) -> Any:
        """Where the row is read as it stands, beside this object."""
        return self._store

    if TYPE_CHECKING:

        @property
        def hero(self) -> HeroT: ...

        @property
        def _door(self) -> Door:
            """The motor."""

        @property
        def _store(self) -> Any:
            """The motor's port to the table of this journey."""

        @property
        def _row(self) -> Row:
            """The engine's columns as this object has them."""

        @property
        def _id(self) -> Any: ...

        @property
        def _created_at(self) -> datetime: ...

        @property
        def _identity(self) -> str:
            """What tells this journey from every other of the database, for ever."""

        @property
        def _unknown_type(self) -> str | None:
            """The type the row remembers, if this code knows no class of that name."""

        @property
        def _hero_text(self) -> str | None:
            """The hero, for the log."""

        def _hero_is_gone(self) -> bool:
            """Whether there ought to be a hero, and its record is missing."""

        def _begin(self) -> None:
            """A step begins: remember the own columns as they are."""

        def _changes(self) -> tuple[str | None, dict[str, Any]]:
            """What the step changed: `data` as JSON (None: nothing), and the other own columns by name."""

        def _refresh(self, row: Row) -> None:
            """Take over the engine's columns as they were just written."""

        def _reload(self) -> None:
            """Read everything again, if the row is still there."""

    # --------------------------------------------------------------------------------------------- private

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if not cls._defined_by_home:
            define(cls)

    def _leave(self, outcome: Outcome, by: object, reason: str | None = None) -> NoReturn:
        inside = self._inside
        assert inside is not None
        if by is not None:
            raise ValueError("by= tells who intervenes from outside; inside a step it is the step itself")
        inside.remark = reason or inside.remark
        inside.verb_raised()
        raise Interruption(outcome)

    def _only_outside(self, verb: str) -> None:
        if self._inside:
            raise InvalidState(verb, self._row.state, "its step is running: this verb is for outside")

    def _check_step(self, step: str) -> None:
        if self.steps.find(step) is None:
            raise ValueError(f"{type(self).__name__} has no step {step!r}; it has {', '.join(self.steps.names)}")

    @staticmethod
    def _check_when(wait: Any, at: datetime | None) -> None:
        if wait is not None and at is not None:
            raise ValueError("give wait= or at=, not both")
        if wait is not None and not isinstance(wait, Reattempt):
            duration(wait)
        if at is not None:
            given_time(at)

    def _key(self, round: str) -> str:
        name = self._row.next_step_name or ""
        step = self.steps.find(name)
        parts = (self._identity, step.first_name if step else name, round)
        return sha256("\x1f".join(parts).encode()).hexdigest()[:32]
