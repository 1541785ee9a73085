"""The pages of the manual, read into the blocks that can be run.

A fenced block is one, whatever its language. So is an HTML comment that begins with the word `python`: set-up that the
reader need not see. The word `sqlalchemy` after the language says in which home the block is played; without it, that
is Django's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

_FENCE = re.compile(r"^(`{3,}|~{3,})\s*([\w-]*)(?: (sqlalchemy))?\s*$")
_HIDDEN = re.compile(r"^<!--\s*python(?: (sqlalchemy))?\s*$")
_FILE = re.compile(r"^# ([\w/.-]+\.py)\b")


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a page."""

    page: Path
    language: str
    line: int
    """Of its first line of code, from 1."""
    code: str
    home: str = "django"
    """Of the journeys in it: `django` or `sqlalchemy`."""

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"

    @property
    def file(self) -> str | None:
        """The file whose contents it shows, if its first line says so in a comment."""
        found = _FILE.match(self.code)
        return found[1] if found else None


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of a page, in its order.

    Raises:
        ValueError: a block has no end or no language.
    """
    lines = iter(enumerate(page.read_text(encoding="utf-8").splitlines(), 1))
    for number, line in lines:
        fence = _FENCE.match(line)
        if fence and not fence[2]:
            raise ValueError(f"{page.name}:{number}: a block without a language: is it python, console or text?")
        if fence:
            yield Block(page, fence[2], number + 1, _until(fence[1], lines, page, number), fence[3] or "django")
        elif hidden := _HIDDEN.match(line):
            yield Block(page, "python", number + 1, _until("-->", lines, page, number), hidden[1] or "django")


def _until(end: str, lines: Iterator[tuple[int, str]], page: Path, began: int) -> str:
    code = []
    for _, line in lines:
        if line.strip() == end:
            return "\n".join(code)
        code.append(line)
    raise ValueError(f"{page.name}:{began}: a block without an end")
