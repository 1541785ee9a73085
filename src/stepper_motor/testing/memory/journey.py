"""A journey whose row is kept in memory."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, cast, get_args

from stepper_motor.journeys.definition import HOOKS, SETTINGS
from stepper_motor.journeys.errors import DefinitionError, InvalidState, StepperMotorError
from stepper_motor.journeys.journey import HeroT, JourneyBase
from stepper_motor.journeys.reserved import check_names
from stepper_motor.journeys.row import Row, State
from stepper_motor.motor.settling import retrying
from stepper_motor.testing.memory.stored import MemoryEntry, StoredJourney

if TYPE_CHECKING:
    from stepper_motor.testing.memory.motor import MemoryMotor
    from stepper_motor.testing.memory.store import MemoryStore

OnConflict = Literal["raise", "existing", "ignore", "replace"]
_MAY_BE_DEFINED = frozenset({*HOOKS, *SETTINGS, "columns"})


class MemoryJourney(JourneyBase[HeroT]):
    """Named steps in order, kept as one row in memory: derive journeys from it, and give them to a `MemoryMotor`.

    The engine's columns are attributes that only the motor changes. `data` and columns of your own may be set; what a
    step sets is saved with its transition.
    """

    columns: ClassVar[Mapping[str, Any]] = {}
    """Columns of your own: name -> the value a new journey has."""
    motor: ClassVar[MemoryMotor | None] = None
    """Where new journeys of the class begin: the last `MemoryMotor` that was given it."""
    data: Any

    if TYPE_CHECKING:
        state: State
        reason: str | None
        previous_step_name: str | None
        next_step_name: str | None
        next_step_to_be_performed_at: datetime | None
        attempts: int
        failures: int
        losses: int
        round: int
        steps_entered: int
        steps_completed: int
        fence: str
        arrived_at: datetime
        lease_expires_at: datetime | None
        performed_by: str | None
        updated_at: datetime
        ended_at: datetime | None

    _store: MemoryStore
    _stored: StoredJourney
    _before: Mapping[str, Any] = {}
    """`data` and the own columns as they were when the step began."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        reserved = {"data", *(name for base in (MemoryJourney, JourneyBase) for name in vars(base))}
        check_names(cls, reserved, allowed=_MAY_BE_DEFINED)
        for name in reserved & set(cls.columns):
            raise DefinitionError(f"{cls.__name__}.columns: {name!r} means something already: call it otherwise")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._id} ({self._row.state})>"

    # --------------------------------------------------------------------------------------------- starting

    @classmethod
    def start(
        cls,
        hero: HeroT | None = None,
        *,
        data: Any = None,
        key: str = "",
        at: datetime | None = None,
        allow_multiple: bool = False,
        on_conflict: OnConflict = "raise",
        **own: Any,
    ) -> Self | None:
        """Start a journey for `hero` (any object), in the caller's transaction if this thread has one open.

        Args:
            data: what the steps find in `self.data`; anything JSON can hold.
            key: tells apart journeys of one class and hero that may run side by side.
            at: when the first step is due (aware), instead of what its definition says.
            allow_multiple: leave the one-per-hero rule.
            on_conflict: when the hero is on such a journey already: "raise", return the "existing" one, "ignore"
                (returns None), or "replace" (cancel it and start anew).
            own: values for columns of the class's own.

        Raises:
            AlreadyOnJourney: with on_conflict="raise". The caller's transaction stays usable.
            StepperMotorError: no `MemoryMotor` was given the class.
        """
        if on_conflict not in get_args(OnConflict):
            raise ValueError(f"on_conflict must be one of {', '.join(get_args(OnConflict))}, got {on_conflict!r}")
        store = cls._store_of_class()
        given = {"data": {} if data is None else data, "key": key, "at": at, "allow_multiple": allow_multiple, **own}
        return cast("Self | None", retrying(store, lambda: store.start(cls, hero, on_conflict, **given)))

    @classmethod
    def _store_of_class(cls) -> MemoryStore:
        store = cls.motor.store if cls.motor else None
        if store is None or store.registry.find(cls.definition.type_name) is not cls:
            raise StepperMotorError(f"{cls.__name__} has no motor: give the class to a MemoryMotor first")
        return store

    # ----------------------------------------------------------------------------------------- what it has

    @property
    def id(self) -> int:
        return self._stored.id

    @property
    def type(self) -> str:
        """The name under which the row remembers its class."""
        return self._stored.type

    @property
    def key(self) -> str:
        return self._stored.key

    @property
    def allow_multiple(self) -> bool:
        return self._stored.allow_multiple

    @property
    def created_at(self) -> datetime:
        return self._stored.created_at

    @property
    def hero(self) -> HeroT:
        """The object the journey happens to; None when there is none, or the store has let it go."""
        return cast(HeroT, self._store.heroes.find(self._stored.hero_type, self._stored.hero_id))

    @property
    def history(self) -> list[MemoryEntry]:
        """What happened to it, the oldest first."""
        return [MemoryEntry._make(entry) for entry in self._store.database.history(self._id)]

    def has_completed(self, step: str) -> bool:
        """Whether the step, under this or a former name, ever ended normally in this journey."""
        known = self.steps.find(step)
        names = [known.name, *known.formerly] if known else [step]
        return any(e.step_name in names and e.outcome == "completed" and e.attempt is not None for e in self.history)

    def save(self) -> None:
        """Save `data` and columns of your own. Inside a step: only as long as the performance holds the journey.

        Raises:
            InvalidState: the performance does not hold it any more, or the row is gone.
        """
        held_by = (self._inside.fence, self._inside.holder) if self._inside and self._inside.holder else None
        if not self._store.save(self, held_by):
            raise InvalidState(
                "save", self._row.state, "its row is gone, or this performance does not hold it any more"
            )
        self._begin()

    def delete(self) -> None:
        """Delete the journey and its history. A step that runs meanwhile settles nothing."""
        self._store.delete(self._id)

    def refresh(self) -> None:
        """Read everything again, if the row is still there."""
        self._reload()

    # --------------------------------------------------------------------------------- what the motor asks

    @classmethod
    def _of(cls, stored: StoredJourney, store: MemoryStore) -> Self:
        """A fresh object."""
        journey = cls.__new__(cls)
        journey._store = store
        journey._take_over(stored)
        return journey

    def _take_over(self, stored: StoredJourney) -> None:
        self._stored = stored
        self.data = json.loads(stored.data)
        for name, value in copy.deepcopy(dict(stored.own)).items():
            setattr(self, name, value)

    @property
    def _door(self) -> MemoryMotor:
        return self._store.motor

    @property
    def _row(self) -> Row:
        return self._stored.row

    @property
    def _id(self) -> int:
        return self._stored.id

    @property
    def _created_at(self) -> datetime:
        return self._stored.created_at

    @property
    def _identity(self) -> str:
        return f"memory\x1f{self._id}\x1f{self._created_at.isoformat()}"

    @property
    def _unknown_type(self) -> str | None:
        return None if self._store.registry.find(self.type) else self.type

    @property
    def _hero_text(self) -> str | None:
        return None if self._stored.hero_id is None else f"{self._stored.hero_type} {self._stored.hero_id}"

    def _hero_is_gone(self) -> bool:
        return self._stored.hero_id is not None and self.hero is None

    def _own(self) -> dict[str, Any]:
        """Its own columns as they stand on the object."""
        return {name: getattr(self, name) for name in self._stored.own}

    def _begin(self) -> None:
        self._before = copy.deepcopy({"data": self.data, **self._own()})

    def _changes(self) -> tuple[str | None, dict[str, Any]]:
        own = {name: value for name, value in self._own().items() if value != self._before[name]}
        data = json.dumps(self.data, allow_nan=False) if self.data != self._before["data"] else None
        return data, own

    def _refresh(self, row: Row) -> None:
        self._stored = self._stored._replace(row=row)

    def _reload(self) -> None:
        stored = self._store.database.get(self._id)
        if stored is not None:
            self._take_over(stored)
            self._begin()


def _column(name: str) -> property:
    return property(lambda self: getattr(self._stored.row, name), doc=f"The engine's column `{name}`.")


for _name in Row._fields:
    setattr(MemoryJourney, _name, _column(_name))
