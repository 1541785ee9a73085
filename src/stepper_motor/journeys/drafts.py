"""The steps of a class as they are written, before `before_step` and `after_step` give them their places."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from warnings import warn_explicit

from stepper_motor.journeys.callables import check_takes, is_async, is_generator, name_of
from stepper_motor.journeys.class_body import check_nothing_lost, mark_of, marked
from stepper_motor.journeys.declarations import Declaration
from stepper_motor.journeys.errors import DefinitionError
from stepper_motor.journeys.step import Step


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A step that a class body declares."""

    name: str
    attribute: str
    """Of the step, or of the list that it is in."""
    is_listed: bool
    body: Callable[[Any], Any]
    formerly: tuple[str, ...]
    before_step: str | None
    after_step: str | None
    declaration: Declaration

    @property
    def place(self) -> str:
        return self.declaration.place

    def redefines(self, other: Draft) -> bool:
        return self.attribute == other.attribute or self.name == other.name

    def placed_like(self, other: Draft) -> Draft:
        """In the same place as `other`, unless it says another."""
        if self.before_step or self.after_step:
            return self
        return replace(self, before_step=other.before_step, after_step=other.after_step)

    def step(self, cls: type) -> Step:
        """The step in the class `cls`, which may have overridden its method."""
        body, told = self.body if self.is_listed else _current_body(cls, self.attribute), self.declaration
        return Step(
            name=self.name,
            attribute=None if self.is_listed else self.attribute,
            body=body,
            is_async=is_async(body),
            wait=told.wait,
            after=told.after,
            at=told.at,
            skip_if=told.skip_if,
            only_if=told.only_if,
            on_exception=told.on_exception,
            if_lost=told.if_lost,
            timeout=told.timeout,
            atomic=told.atomic,
            formerly=self.formerly,
            queue_options=told.queue_options,
        )


def drafts_of(cls: type) -> list[Draft]:
    """Inherited ones first, in the order of the text; what redefines an inherited one stands in its place.

    Raises:
        DefinitionError: a step has got lost in a class body, has no body, or one that can't be.
    """
    drafts: list[Draft] = []
    for base in reversed(cls.__mro__):
        check_nothing_lost(base)
        inherited = [draft for draft in drafts if not _is_emptied(draft, base)]
        own = list(_own(base, len(inherited), warns=base is cls))
        drafts = _merged(inherited, own)
    return drafts


def _own(cls: type, already: int, *, warns: bool) -> Iterator[Draft]:
    """Those that the body of `cls` itself declares, after so many inherited ones."""
    for attribute, function, mark in marked(cls):
        if not isinstance(mark, Declaration):
            continue
        if function is mark:
            raise DefinitionError(f"{cls.__name__}.{attribute} ({mark.place}) has no body: write step(function, ...)")
        is_listed = function is not vars(cls)[attribute]
        if is_listed:
            _check_list(cls, attribute)
        name = mark.name or (_listed_name(function, mark, already + 1, warns) if is_listed else attribute)
        yield from _repeated(name, attribute, is_listed, function, mark)
        already += mark.times


def _check_list(cls: type, attribute: str) -> None:
    for member in vars(cls)[attribute]:
        if not isinstance(mark_of(member), Declaration):
            raise DefinitionError(f"{cls.__name__}.{attribute} is a list of steps: write step(...) around {member!r}")


def _listed_name(function: Callable[[Any], Any], mark: Declaration, position: int, warns: bool) -> str:
    name = name_of(inspect.unwrap(function))
    if name is None:
        name = f"step_{position}"
        if warns:
            message = f"a step without a name is called {name!r} by its position, which moves when the class is edited"
            warn_explicit(f"{message}, and its journeys with it: give it a name=", UserWarning, mark.file, mark.line)
    return name


def _repeated(
    name: str, attribute: str, is_listed: bool, function: Callable[[Any], Any], mark: Declaration
) -> Iterator[Draft]:
    for number in range(1, mark.times + 1):
        yield Draft(
            name=_numbered(name, number),
            attribute=attribute,
            is_listed=is_listed,
            body=function,
            formerly=tuple(_numbered(former, number) for former in mark.formerly),
            before_step=mark.before_step,
            after_step=mark.after_step,
            declaration=mark,
        )


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}_{number}"


def _is_emptied(inherited: Draft, cls: type) -> bool:
    """Whether `cls` puts an empty list in the place of the one that the step came in."""
    if not inherited.is_listed or inherited.attribute not in vars(cls):
        return False
    value = vars(cls)[inherited.attribute]
    if any(attribute == inherited.attribute for attribute, _, _ in marked(cls)):
        return False
    if value in ([], ()):
        return True
    raise DefinitionError(f"{cls.__name__}.{inherited.attribute} hides the inherited steps in the list of this name")


def _merged(inherited: list[Draft], own: list[Draft]) -> list[Draft]:
    left = dict.fromkeys(own)
    merged: list[Draft] = []
    for old in inherited:
        redefined = [draft for draft in own if draft.redefines(old)]
        merged += [draft.placed_like(old) for draft in redefined if draft in left] if redefined else [old]
        for draft in redefined:
            left.pop(draft, None)
    return merged + list(left)


def _current_body(cls: type, attribute: str) -> Callable[[Any], Any]:
    defined, body = inspect.getattr_static(cls, attribute), getattr(cls, attribute)
    if isinstance(defined, (staticmethod, classmethod)) or not hasattr(type(defined), "__get__") or not callable(body):
        raise DefinitionError(f"{cls.__name__}.{attribute} is a step, and must be a method, got {defined!r}")
    check_takes(body, "self", where=f"the step {cls.__name__}.{attribute}")
    if is_generator(body):
        raise DefinitionError(f"{cls.__name__}.{attribute} yields, so that calling it would run nothing")
    return body  # type: ignore[no-any-return]
