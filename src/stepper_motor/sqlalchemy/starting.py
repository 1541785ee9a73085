"""Starting a journey."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Literal, get_args

from sqlalchemy import event, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, object_session
from sqlalchemy.orm.attributes import set_committed_value

from stepper_motor.journeys import lifecycle
from stepper_motor.journeys.durations import given_time
from stepper_motor.journeys.errors import AlreadyOnJourney, InvalidState, StepperMotorError
from stepper_motor.journeys.row import ONGOING, Onward, Row, State, Stranded, TheEnd
from stepper_motor.motor import clock
from stepper_motor.motor.destinations import arriving
from stepper_motor.motor.fences import new_fence
from stepper_motor.motor.motor import ready_of
from stepper_motor.sqlalchemy import heroes
from stepper_motor.sqlalchemy.conflicts import raise_typed
from stepper_motor.sqlalchemy.lines import begin_for_real

OnConflict = Literal["raise", "existing", "ignore", "replace"]
TRIES = 20
"""How often `on_conflict="replace"` (or "existing") tries again when others start and end journeys meanwhile. Each time
one of those who compete gets its way, so this is also how many of them may compete."""
HEROLESS = "stepper_motor_heroless"
"""The name in `session.info`: journeys that were inserted before their heroes."""
LENGTHS = {"type": 100, "key": 100, "hero_type": 100, "hero_id": 200}
"""Characters for which a row has room."""
_BLANK = {"state": (None, State.READY), **{name: (None, 0) for name in (
    "attempts", "failures", "losses", "round", "steps_entered", "steps_completed")}}  # fmt: skip


def start(
    cls: Any, session: Session, hero: Any = None, *, data: Any = None, key: str = "", at: datetime | None = None,
    allow_multiple: bool = False, on_conflict: OnConflict = "raise", **fields: Any,
) -> Any:  # fmt: skip
    """Start a journey for `hero`, in the session's transaction. The session is flushed, and never committed.

    Args:
        data: what the steps find in `self.data`; anything JSON can hold.
        key: tells apart journeys of one class and hero that may run side by side.
        at: when the first step is due (aware), instead of what its definition says.
        allow_multiple: leave the one-per-hero rule.
        on_conflict: when the hero is on such a journey already: "raise", return the "existing" one, "ignore" (returns
            None), or "replace" (cancel it and start anew; a body of the old one may still run to its end).
        fields: columns of your own, for a journey with its own table.

    Raises:
        AlreadyOnJourney: with on_conflict="raise". The session's transaction stays usable.
    """
    if on_conflict not in get_args(OnConflict):
        raise ValueError(f"on_conflict must be one of {', '.join(get_args(OnConflict))}, got {on_conflict!r}")
    if not isinstance(key, str):
        raise ValueError(f"key must be a text, got {key!r}")
    given = {"key": key, "allow_multiple": allow_multiple, **fields}
    if hero is not None:
        given["hero"] = hero
    if data is not None:
        given["data"] = data
    session.flush()  # a hero that is new gets its key
    for _ in range(TRIES):
        try:
            return _started(cls, session, given, at)
        except AlreadyOnJourney:
            if on_conflict == "raise":
                raise
        if on_conflict == "ignore":
            return None
        existing = in_the_way(cls, session, hero, key)
        if existing is not None and on_conflict == "existing":
            return existing
        replaced = existing and _replaced(existing, session, given, at)
        if replaced:
            return replaced
    raise AlreadyOnJourney(f"others keep starting journeys of {cls.__name__} for {hero!r}; tried {TRIES} times")


def _started(cls: Any, session: Session, given: dict[str, Any], at: datetime | None) -> Any:
    begin_for_real(session.connection(bind_arguments={**cls._root.written}), cls._root.mapper)
    try:
        with session.begin_nested():  # it flushes: what a hero's backref knows of the journey has to come after it
            journey = cls(**given)
            journey._first_at = at
            session.add(journey)
            _flush(session, journey)
    except DBAPIError as error:
        first = error.__context__  # MySQL's deadlock takes the savepoint along, and its end then fails as well
        raise (first if isinstance(first, DBAPIError) else error) from None
    return journey


def _flush(session: Session, journey: Any) -> None:
    try:
        session.flush()
    except AlreadyOnJourney as error:
        raise already(journey) from error


def in_the_way(cls: Any, session: Session, hero: Any, key: str) -> Any:
    """The journey that has the hero's place."""
    statement = cls.for_hero(hero).where(
        cls.type == cls.definition.type_name, cls.key == key, cls.allow_multiple.is_(False), cls.state.in_(ONGOING)
    )
    if session.get_bind(cls._root.mapper).dialect.name in ("mysql", "mariadb"):
        statement = statement.with_for_update()  # any other read shows what was there when the transaction began
    return session.scalars(statement.limit(1).execution_options(populate_existing=True)).first()


def _replaced(existing: Any, session: Session, given: dict[str, Any], at: datetime | None) -> Any:
    """The new journey; None if others were faster. In one savepoint: no failure leaves the hero without a journey."""
    try:
        with session.begin_nested():
            existing.cancel("replaced by another journey")
            return _started(type(existing), session, given, at)
    except (InvalidState, AlreadyOnJourney):
        session.refresh(existing)
        return None


def already(journey: Any) -> AlreadyOnJourney:
    """The error that says whose place is taken."""
    key = f" with the key {journey.key!r}" if journey.key else ""
    return AlreadyOnJourney(
        f"{journey._hero_text} is on a {type(journey).__name__}{key} already: pass on_conflict=, another key=, or "
        f"allow_multiple=True"
    )


def depart(journey: Any) -> None:
    """Give a journey that is about to be inserted its engine's columns."""
    cls = type(journey)
    if cls.definition.type_name not in cls._root.journeys.types:
        raise StepperMotorError(f"{cls.__name__} itself can't be started: start one of the classes derived from it")
    _refuse_preset(journey)
    tell_hero(journey)
    journey.type = cls.definition.type_name
    if journey.__dict__.get("key") is None:
        journey.key = ""
    if journey.__dict__.get("data") is None:
        journey.data = {}
    json.dumps(journey.data, allow_nan=False)  # some databases would keep what is no JSON
    check_names(journey)
    now = clock.now()
    journey.created_at = now
    journey._departed = lifecycle.depart(first(journey, now), now, new_fence())._asdict()
    for name, value in journey._departed.items():
        setattr(journey, name, value)


def _refuse_preset(journey: Any) -> None:
    for name in Row._fields:
        blanks = (*_BLANK.get(name, ()), None, "", journey._departed.get(name))
        if journey.__dict__.get(name) not in blanks:
            raise StepperMotorError(
                f"{name} is the engine's column: a new journey can't be given one (at= sets the due time)"
            )


def tell_hero(journey: Any) -> None:
    """Write down the key of a hero, if it has one by now."""
    if journey._hero is not None and not journey._root.has_hero_column:
        heroes.check(journey._hero)
        if journey.__dict__.get("hero_id") is None:
            journey.hero_id = heroes.key_of(journey._hero)


def check_names(journey: Any) -> None:
    """A text that is too long is refused by one database, kept by another, and cut by the third where it may be."""
    for name, most in LENGTHS.items():
        value = journey.__dict__.get(name)
        is_of_the_app = name == "hero_id" and journey._root.has_hero_column
        if value is not None and not is_of_the_app and not (isinstance(value, str) and len(value) <= most):
            raise ValueError(f"{name} must be a text of at most {most} characters, got {value!r}")


def first(journey: Any, now: datetime) -> Onward | TheEnd | Stranded:
    """Where a new journey begins."""
    step, at = journey.steps.first, journey._first_at
    if step is None:
        return TheEnd()
    if at is not None:
        return Onward(step.name, max(given_time(at), now))
    destination = arriving(journey, step, since=now, now=now)
    assert isinstance(destination, Onward | Stranded)
    return destination


# ---------------------------------------------------------------------------------------- heard from the mapper


def before_insert(mapper: Any, connection: Any, journey: Any) -> None:
    raise_typed(connection.dialect)
    depart(journey)


def after_insert(mapper: Any, connection: Any, journey: Any) -> None:
    """A hero that was new and is inserted after its journey has its key only now."""
    session = object_session(journey)
    root = journey._root
    if journey._hero is not None and not root.has_hero_column and journey.hero_id is None:
        assert session is not None
        _tell_hero_later(session, journey)
    announce(journey, session)


def _tell_hero_later(session: Session, journey: Any) -> None:
    if HEROLESS not in session.info:
        session.info[HEROLESS] = []
        event.listen(session, "after_flush", _tell_heroes)
    session.info[HEROLESS].append(journey)


def _tell_heroes(session: Session, context: Any) -> None:
    journeys, session.info[HEROLESS] = session.info[HEROLESS], []
    for journey in journeys:
        if journey in session:  # else its flush failed
            _tell_hero_now(session, journey)


def _tell_hero_now(session: Session, journey: Any) -> None:
    root, hero_id = journey._root, heroes.key_of(journey._hero)
    if hero_id is None:
        raise ValueError(f"the hero {journey._hero!r} is in no session: session.add() it as well")
    key = root.mapper.primary_key_from_instance(journey)[0]
    connection = session.connection(bind_arguments={**root.written})
    connection.execute(update(root.table).where(root.key_column == key).values(hero_id=hero_id))
    set_committed_value(journey, "hero_id", hero_id)


def announce(journey: Any, session: Any) -> None:
    """Tell workers of a new journey, after the commit."""
    store = journey._store
    if journey.state == State.READY:
        store.motor.announce(store, [ready_of(journey)])
    elif journey.definition.has_hooks:
        store.on_commit(lambda: store.motor.run_hook(store, journey, State(journey.state)))


def presence(cls: Any, model: Any) -> Any:
    """EXISTS for the heroes that are on such a journey now."""
    root = cls._root
    ongoing = select(1).where(cls.state.in_(sorted(ONGOING)))
    if cls is not root.cls or len(cls.steps):
        names = [each.definition.type_name for each in root.journeys if issubclass(each, cls)]
        ongoing = ongoing.where(cls.type.in_(names))
    if root.has_hero_column:
        (key,) = heroes.mapper_of(model).primary_key
        return ongoing.where(getattr(cls, root.hero_key) == key).correlate(model).exists()
    key = heroes.key_expression(model)
    return ongoing.where(cls.hero_type == heroes.type_of(model), cls.hero_id == key).correlate(model).exists()
