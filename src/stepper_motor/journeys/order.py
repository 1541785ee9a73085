"""Order: steps beside the steps that `before_step` and `after_step` name.

Steps that name no other stand in the order of the text. Around each of them, those that name it: first all that go
before it, then itself, then all that go after it, each group in the order of the text. And around each of these, in
turn, those that name them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stepper_motor.journeys.drafts import Draft
from stepper_motor.journeys.errors import DefinitionError
from stepper_motor.journeys.spelling import did_you_mean


def in_order(drafts: Sequence[Draft], where: str) -> list[Draft]:
    """The drafts as they are performed, each once.

    Args:
        drafts: in the order of the text; no two with the same name.
        where: how an error message begins: whose steps they are.

    Raises:
        DefinitionError: one names a step that there isn't, or itself, or they name each other in a circle.
    """
    return _Order(drafts, where).ordered()


class _Order:
    def __init__(self, drafts: Sequence[Draft], where: str) -> None:
        self._drafts = drafts
        self._where = where
        self._names = {former: draft.name for draft in drafts for former in draft.formerly}
        self._names |= {draft.name: draft.name for draft in drafts}
        self._before: dict[str, list[Draft]] = {draft.name: [] for draft in drafts}
        self._after: dict[str, list[Draft]] = {draft.name: [] for draft in drafts}
        for draft in drafts:
            self._attach(draft)

    def ordered(self) -> list[Draft]:
        ordered = [each for draft in self._drafts if _is_free(draft) for each in self._around(draft)]
        circle = {draft.name for draft in self._drafts} - {draft.name for draft in ordered}
        if circle:
            names = ", ".join(repr(draft.name) for draft in self._drafts if draft.name in circle)
            raise DefinitionError(f"{self._where}: before_step and after_step lead in a circle: {names}")
        return ordered

    def _attach(self, draft: Draft) -> None:
        if draft.before_step:
            self._before[self._anchor(draft, "before_step", draft.before_step)].append(draft)
        if draft.after_step:
            self._after[self._anchor(draft, "after_step", draft.after_step)].append(draft)

    def _anchor(self, draft: Draft, option: str, name: str) -> str:
        says = f"{self._where}: step {draft.name!r} has {option}={name!r}"
        if name not in self._names:
            raise DefinitionError(f"{says}, but there is no such step{did_you_mean(name, self._names)}")
        if self._names[name] == draft.name:
            raise DefinitionError(f"{says}, which is itself")
        return self._names[name]

    def _around(self, draft: Draft) -> Iterator[Draft]:
        for each in self._before[draft.name]:
            yield from self._around(each)
        yield draft
        for each in self._after[draft.name]:
            yield from self._around(each)


def _is_free(draft: Draft) -> bool:
    return not draft.before_step and not draft.after_step
