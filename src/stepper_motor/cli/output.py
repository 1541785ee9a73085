"""What is written for people: lines in columns, and nothing that could steer their terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from stepper_motor.cli.home import Write

GAP = "  "


@contextmanager
def heard(write: Write) -> Iterator[Write]:
    """Within the block, lines are written as long as anybody reads them: `... | head` ends no command half way."""

    def written(text: str) -> None:
        try:
            write(text)
        except BrokenPipeError:
            _let_go_of_the_pipe()

    try:
        yield written
    finally:
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            _let_go_of_the_pipe()


def _let_go_of_the_pipe() -> None:
    """What is still to be written goes nowhere; else the interpreter would complain when it ends."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def in_columns(rows: Sequence[Sequence[str]], header: Sequence[str] = ()) -> list[str]:
    """The rows as lines whose columns stand under one another; a column that is empty throughout is left out."""
    full = [place for place, column in enumerate(zip(*rows, strict=True)) if any(column)]
    lines = [[line[place] for place in full] for line in ([header] if header else []) + list(rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [GAP.join(map(str.ljust, line, widths)).rstrip() for line in lines]


def plain(text: str | None, limit: int | None = None) -> str:
    """Text that somebody else wrote, on one line, without what a terminal would obey; shortened to `limit`."""
    line = "".join(letter if letter.isprintable() else "\ufffd" for letter in " ".join((text or "").split()))
    return line if limit is None or len(line) <= limit else f"{line[: limit - 1]}…"
