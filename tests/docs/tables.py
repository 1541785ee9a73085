"""The tables of a page."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

UNITS = {"s": "seconds", "min": "minutes", "days": "days"}


def table(page: Path, heading: str) -> list[dict[str, str]]:
    """The rows of the table whose first column is called `heading`, by the names of the columns."""
    lines = page.read_text(encoding="utf-8").splitlines()
    begins = [place for place, line in enumerate(lines) if line.startswith(f"| {heading} |")]
    assert len(begins) == 1, f"{page.name} has {len(begins)} tables that begin with {heading!r}"
    columns = _cells(lines[begins[0]])
    rows = []
    for line in lines[begins[0] + 2 :]:
        if not line.startswith("|"):
            break
        rows.append(dict(zip(columns, _cells(line), strict=True)))
    return rows


def words(cell: str) -> list[str]:
    """What stands in code in a cell."""
    return re.findall(r"`([^`]+)`", cell)


def value(cell: str) -> object:
    """A default as people write it: a duration, a number, a text in code, or none."""
    length = re.fullmatch(r"([\d,]+) (s|min|days)", cell)
    if length:
        return timedelta(**{UNITS[length[2]]: int(length[1].replace(",", ""))})
    if re.fullmatch(r"[\d,]+", cell):
        return int(cell.replace(",", ""))
    return None if cell in ("none", "") else cell


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
