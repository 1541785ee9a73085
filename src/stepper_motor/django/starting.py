"""Starting a journey."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args

from django.db import DatabaseError, IntegrityError, connections, models, router, transaction

from stepper_motor.django import heroes
from stepper_motor.django.fields import NameField
from stepper_motor.journeys import lifecycle
from stepper_motor.journeys.durations import given_time
from stepper_motor.journeys.errors import AlreadyOnJourney, InvalidState, StepperMotorError
from stepper_motor.journeys.row import Onward, Row, State, Stranded, TheEnd
from stepper_motor.motor import clock
from stepper_motor.motor.destinations import arriving
from stepper_motor.motor.fences import new_fence
from stepper_motor.motor.motor import ready_of
from stepper_motor.motor.settling import retrying

if TYPE_CHECKING:
    from stepper_motor.django.models import AbstractJourney

T = TypeVar("T")
OnConflict = Literal["raise", "existing", "ignore", "replace"]
TRIES = 20
"""How often `on_conflict="replace"` (or "existing") tries again when others start and end journeys meanwhile. Each time
one of those who compete gets its way, so this is also how many of them may compete."""


def start(
    cls: Any,
    hero: models.Model | None = None,
    *,
    data: Any = None,
    key: str = "",
    at: datetime | None = None,
    allow_multiple: bool = False,
    on_conflict: OnConflict = "raise",
    **fields: Any,
) -> Any:
    """Start a journey for `hero`, in the caller's transaction.

    Args:
        data: what the steps find in `self.data`; anything JSON can hold.
        key: tells apart journeys of one class and hero that may run side by side.
        at: when the first step is due (aware), instead of what its definition says.
        allow_multiple: leave the one-per-hero rule.
        on_conflict: when the hero is on such a journey already: "raise", return the "existing" one, "ignore" (returns
            None), or "replace" (cancel it and start anew; a body of the old one may still run to its end).
        fields: columns of your own, for a journey with its own table.

    Raises:
        AlreadyOnJourney: with on_conflict="raise". The caller's transaction stays usable.
    """
    if on_conflict not in get_args(OnConflict):
        raise ValueError(f"on_conflict must be one of {', '.join(get_args(OnConflict))}, got {on_conflict!r}")
    given = {"hero": hero, "key": key, "allow_multiple": allow_multiple, **fields}
    if data is not None:
        given["data"] = data
    for _ in range(TRIES):
        try:
            return _started(cls, given, at)
        except AlreadyOnJourney:
            if on_conflict == "raise":
                raise
        if on_conflict == "ignore":
            return None
        existing = _in_the_way(cls, hero, key)
        if existing is not None and on_conflict == "existing":
            return existing
        replaced = existing and _replaced(existing, given, at)
        if replaced:
            return replaced
    raise AlreadyOnJourney(f"others keep starting journeys of {cls.__name__} for {hero!r}; tried {TRIES} times")


def _started(cls: Any, given: dict[str, Any], at: datetime | None) -> Any:
    if given["hero"] is None:
        given = {name: value for name, value in given.items() if name != "hero"}
    journey = cls(**given)
    journey._first_at = at
    journey.save()
    return journey


def _in_the_way(cls: Any, hero: Any, key: str) -> Any:
    found = cls.objects.using(router.db_for_write(cls)).ongoing().for_hero(hero)
    return found.filter(type=cls.definition.type_name, key=key, allow_multiple=False).first()


def _replaced(existing: Any, given: dict[str, Any], at: datetime | None) -> Any:
    """The new journey; None if others were faster. One transaction: no crash leaves the hero without a journey."""
    store = existing._store
    try:
        with store.transaction():
            existing.cancel("replaced by another journey")
            return _started(type(existing), given, at)
    except (InvalidState, AlreadyOnJourney):
        return None
    except DatabaseError as error:
        if store.in_transaction() or not store.is_transient(error):
            raise
        return None


def depart(journey: AbstractJourney[Any]) -> None:
    """Give a journey that is about to be inserted its engine's columns."""
    cls = type(journey)
    if cls.definition.type_name not in cls.registry.types:
        raise StepperMotorError(f"{cls.__name__} itself can't be started: start one of the classes derived from it")
    _refuse_preset(journey)
    journey.type = cls.definition.type_name
    _check_names(journey)
    now = clock.now()
    journey.created_at = now
    row = lifecycle.depart(_first(journey, now), now, new_fence())
    journey.__dict__.update(row._asdict())


def depart_all(journeys: Sequence[AbstractJourney[Any]]) -> None:
    """`depart` each of them, or none."""
    for place, journey in enumerate(journeys):
        try:
            depart(journey)
        except BaseException:
            for departed in journeys[:place]:
                _blank(departed, departed.pk)
            raise


def _refuse_preset(journey: AbstractJourney[Any]) -> None:
    for name, default in _blanks(journey._meta.concrete_model).items():
        if getattr(journey, name) not in (default, None, ""):
            raise StepperMotorError(
                f"{name} is the engine's column: a new journey can't be given one (at= sets the due time)"
            )


@cache
def _blanks(root: Any) -> dict[str, Any]:
    """The engine's columns as they are before a journey departs."""
    fields: list[Any] = [root._meta.get_field(name) for name in Row._fields]
    return {field.name: field.get_default() if field.has_default() else None for field in fields}


def _check_names(journey: AbstractJourney[Any]) -> None:
    """A text that is too long is refused by one database, kept by another, and cut by the third where it may be."""
    for field in journey._meta.concrete_fields:
        if field.name in ("type", "key", "hero_type", "hero_id") and isinstance(field, NameField):
            value, most = getattr(journey, field.name), field.max_length or 0
            if not (isinstance(value, str) and len(value) <= most) and not (value is None and field.null):
                raise ValueError(f"{field.name} must be a text of at most {most} characters, got {value!r}")


def _first(journey: AbstractJourney[Any], now: datetime) -> Onward | TheEnd | Stranded:
    step, at = journey.steps.first, journey._first_at
    due = None if at is None else max(given_time(at), now)
    if step is None:
        return TheEnd()
    if due is not None:
        return Onward(step.name, due)
    destination = arriving(journey, step, since=now, now=now)
    assert isinstance(destination, Onward | Stranded)
    return destination


def inserted(journeys: Sequence[AbstractJourney[Any]], insert: Callable[[], T], using: str) -> T:
    """Insert in a savepoint, so that a conflict leaves the caller's transaction usable, and announce in the same: a
    ticket that is a row is committed with the journeys, even where the caller has no transaction."""
    keys = [journey.pk for journey in journeys]
    try:
        return _in_a_savepoint(journeys, insert, using)
    except BaseException as error:
        for journey, key in zip(journeys, keys, strict=True):
            _blank(journey, key)
        if isinstance(error, IntegrityError) and "one_per_hero" in str(error):
            raise already(journeys) from error
        raise


def _in_a_savepoint(journeys: Sequence[AbstractJourney[Any]], insert: Callable[[], T], using: str) -> T:
    from stepper_motor.django.engine import store_of

    def inserting() -> T:
        with transaction.atomic(using=using):
            result = insert()
            for journey in journeys:
                _remember(journey)
                announce(journey)
            return result

    return retrying(store_of(type(journeys[0]), using), inserting) if journeys else insert()


def _blank(journey: AbstractJourney[Any], key: Any) -> None:
    """Not inserted: as it was before `depart`, so that it may be saved again."""
    journey.__dict__.update(_blanks(journey._meta.concrete_model))
    journey.__dict__.pop("_as_read", None)
    journey.pk = key
    journey._state.adding = True


def _remember(journey: AbstractJourney[Any]) -> None:
    names = [field.attname for field in journey._meta.concrete_fields]
    journey._as_read = (names, [journey.__dict__[name] for name in names])


def already(journeys: Sequence[AbstractJourney[Any]]) -> AlreadyOnJourney:
    first = journeys[0]
    key = f" with the key {first.key!r}" if first.key else ""
    hero = first._hero_text if len(journeys) == 1 else "one of the heroes"
    return AlreadyOnJourney(
        f"{hero} is on a {type(first).__name__}{key} already: pass on_conflict=, another key=, or allow_multiple=True"
    )


def announce(journey: AbstractJourney[Any]) -> None:
    """Tell workers of a new journey, after the commit."""
    from stepper_motor.django.engine import motor

    store = journey._store
    if journey.state == State.READY:
        motor().announce(store, [ready_of(journey)])
    elif journey.definition.has_hooks:
        store.on_commit(lambda: motor().run_hook(store, journey, State(journey.state)))


def presence(cls: Any, model: type[models.Model]) -> models.Exists:
    """An EXISTS expression for the heroes that are on such a journey now: `User.objects.filter(~J.presence(User))`."""
    ongoing = cls.objects.filter(state__in=[state.value for state in State if state.ongoing])
    if cls._has_hero_column():
        return models.Exists(ongoing.filter(hero=models.OuterRef("pk")))
    connection = connections[router.db_for_read(model)]
    key = heroes.hero_key(model, connection=connection)
    return models.Exists(ongoing.filter(hero_type=heroes.type_of(model), hero_id=key))
