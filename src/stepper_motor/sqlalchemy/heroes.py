"""The hero of a journey: any mapped class, any kind of key, kept as two strings.

`hero_type` is the name of the hero's table: the one name of it that two ORMs on one database share.
`hero_id` is its primary key as text; a composite key is a JSON array of texts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Table, inspect, select, tuple_
from sqlalchemy.exc import NoInspectionAvailable
from sqlalchemy.orm import Mapper, Session

from stepper_motor.journeys.errors import StepperMotorError
from stepper_motor.sqlalchemy.keys import key_text, read, text_of
from stepper_motor.sqlalchemy.roots import Root


class UnknownHero(StepperMotorError):
    """The hero's table belongs to no mapped class: its module is not imported, or the table was renamed."""


def mapper_of(model: Any) -> Mapper[Any]:
    """The mapper of a class that may be a hero's.

    Raises:
        TypeError: it is not mapped.
    """
    try:
        found = inspect(model)
    except NoInspectionAvailable:
        found = None
    if not isinstance(found, Mapper):
        raise TypeError(f"a hero is an object of a mapped class, not of {getattr(model, '__name__', model)!r}")
    return found


def type_of(model: Any) -> str:
    """The `hero_type` of a mapped class; of one that inherits, that of its base."""
    mapper = _base(mapper_of(model))
    if not isinstance(mapper.local_table, Table):
        raise TypeError(f"a hero has a table; {mapper.class_.__name__} is mapped to a query")
    return name_of(mapper.local_table)


def name_of(table: Table) -> str:
    """The `hero_type` of the heroes in a table: its schema is told unless it is the one of the whole metadata."""
    return table.name if table.schema == table.metadata.schema else table.fullname


def _base(mapper: Mapper[Any]) -> Mapper[Any]:
    """The one whose table has the primary key: a concrete class does not share its base's."""
    while mapper.inherits and not mapper.concrete:
        mapper = mapper.inherits
    return mapper


def key_of(hero: Any) -> str | None:
    """The `hero_id` of an object; None while it has no primary key yet."""
    key = _key(hero)
    return None if None in key else text_of(key)


def _key(hero: Any) -> tuple[Any, ...]:
    state = inspect(hero)
    return state.identity or tuple(state.mapper.primary_key_from_instance(hero))


def check(hero: Any) -> None:
    """Refuse a hero that the steps would not find again.

    Raises:
        ValueError: it is in no session, or its primary key is not the same when it is read from a text.
    """
    state, key = inspect(hero), _key(hero)
    if state.transient:
        raise ValueError(f"the hero {hero!r} is in no session: session.add() it as well")
    if None not in key and read(state.mapper.primary_key, text_of(key)) != key:
        raise ValueError(f"the hero {hero!r} has the primary key {key!r}, which can't be kept as a text")


def model_of(root: Root, hero_type: str) -> Any:
    """The mapped class whose table this is.

    Raises:
        UnknownHero: none is mapped by the base of the journeys, nor named to the motor; or several are.
    """
    found = root.heroes.get(hero_type) or _found(root, hero_type)
    root.heroes[hero_type] = found
    return found


def _found(root: Root, hero_type: str) -> Any:
    mappers = {mapper for mapper in map(_base, root.mapper.registry.mappers) if _is_of(mapper, hero_type)}
    beside = {mapper for mapper in mappers if mapper.local_table.metadata is root.table.metadata}  # type: ignore[attr-defined]
    models = [mapper.class_ for mapper in beside or mappers]
    if len(models) == 1:
        return models[0]
    raise UnknownHero(
        f"the table {hero_type!r} is that of {' and '.join(sorted(str(model) for model in models))}: say which by "
        f"Motor(..., heroes=[...])"
        if models
        else f"no mapped class has the table {hero_type!r}: is the hero's module imported? One of another declarative "
        f"base has to be named: Motor(..., heroes=[...])"
    )


def _is_of(mapper: Mapper[Any], hero_type: str) -> bool:
    return isinstance(mapper.local_table, Table) and type_of(mapper.class_) == hero_type


def fetch(root: Root, hero_type: str, hero_ids: Iterable[str], session: Session) -> dict[str, Any]:
    """The heroes that exist, by `hero_id`, in one query."""
    model = model_of(root, hero_type)
    columns = mapper_of(model).primary_key
    keys = {hero_id: key for hero_id in hero_ids if (key := read(columns, hero_id)) is not None}
    if not keys:
        return {}
    composite = len(columns) > 1
    among = tuple_(*columns).in_(keys.values()) if composite else columns[0].in_([key for (key,) in keys.values()])
    found = {key_of(hero): hero for hero in session.scalars(select(model).where(among)).unique()}
    return {hero_id: found[hero_id] for hero_id in keys if hero_id in found}


def key_expression(model: Any) -> key_text:
    """The primary key of a mapped class, as text.

    Raises:
        ValueError: it is composite.
    """
    columns = mapper_of(model).primary_key
    if len(columns) != 1:
        raise ValueError(f"{model.__name__} has a composite primary key, which no SQL expression can turn into text")
    return key_text(columns[0])
