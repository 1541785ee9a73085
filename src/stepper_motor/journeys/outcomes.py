"""What can come of performing a step, and how an outcome leaves a step's body.

A body ends normally (`Completed`), returns one of these, or calls a verb (`self.cancel()`), which raises an
`Interruption` that carries one. `Failed` and `Lost` are made by the library alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from stepper_motor.journeys.policies import Reattempt


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a performance, or of a verb from outside."""

    name: ClassVar[str] = ""
    """How the history calls it."""


@dataclass(frozen=True, slots=True)
class Completed(Outcome):
    """The body ended normally: on to the following step, or to the end."""

    name: ClassVar[str] = "completed"


@dataclass(frozen=True, slots=True)
class Finished(Outcome):
    """The journey is finished, whatever steps would follow."""

    name: ClassVar[str] = "finished"


@dataclass(frozen=True, slots=True)
class Skipped(Outcome):
    """This step is passed over: on to the following one."""

    name: ClassVar[str] = "skipped"


@dataclass(frozen=True, slots=True)
class Reattempted(Outcome):
    """The same step again, after `wait` (seconds or a timedelta; None: the step's own wait) or at `at`."""

    name: ClassVar[str] = "reattempted"
    wait: timedelta | int | float | Reattempt | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Jumped(Outcome):
    """On to the named step, after `wait` (seconds or a timedelta; None: at once) or at `at`."""

    name: ClassVar[str] = "jumped"
    step: str = ""
    wait: timedelta | int | float | Reattempt | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Paused(Outcome):
    """Stopped until somebody resumes it."""

    name: ClassVar[str] = "paused"
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Canceled(Outcome):
    """Over, before its last step."""

    name: ClassVar[str] = "canceled"
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Failed(Outcome):
    """The step raised `error`; `then` is what the policy (`on_exception`) made of it."""

    name: ClassVar[str] = "failed"
    error: BaseException
    then: Outcome


@dataclass(frozen=True, slots=True)
class Lost(Outcome):
    """The performer vanished (its lease ran out), or was interrupted at a stop (`graceful`)."""

    name: ClassVar[str] = "lost"
    if_lost: str = "reattempt"
    graceful: bool = False


@dataclass(frozen=True, slots=True)
class Resumed(Outcome):
    """What `resume()` from outside gives."""

    name: ClassVar[str] = "resumed"


@dataclass(frozen=True, slots=True)
class Rescheduled(Outcome):
    """What `reschedule()` from outside gives."""

    name: ClassVar[str] = "rescheduled"
    at: datetime | None = None


FROM_A_STEP = (Completed, Finished, Skipped, Reattempted, Jumped, Paused, Canceled)
"""The outcomes a body may return."""


class Interruption(BaseException):
    """Carries an outcome out of a step's body.

    It derives from `BaseException` so that `except Exception` in a body can neither swallow nor use it.
    """

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        super().__init__(outcome)
