"""What travels through a queue: which journey to look at, and with which fence. A hint; the row is the truth."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

VERSION = 1
"""Of the form below. A process reads tickets of its own version and of older ones; members it does not know it ignores,
so the number changes only when an older process would misunderstand."""


class UnreadableTicket(ValueError):
    """No ticket, or one of a newer version."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """`str()` gives the text that is handed to a queue: JSON."""

    table: str
    """The table of the journey, with its schema where the motor says one."""
    id: str
    """Its primary key, as text."""
    fence: str
    motor: str = ""
    """The name of the motor, where a process has several."""

    def __str__(self) -> str:
        parts: dict[str, Any] = {"v": VERSION, "table": self.table, "id": self.id, "fence": self.fence}
        return json.dumps({**parts, "motor": self.motor} if self.motor else parts)

    @classmethod
    def read(cls, text: object) -> Ticket:
        """The ticket that a text stands for.

        Raises:
            UnreadableTicket: it is none that this version understands.
        """
        try:
            parts: Any = json.loads(text) if isinstance(text, str | bytes) else text
            version = parts["v"]
            ticket = cls(parts["table"], parts["id"], parts["fence"], parts.get("motor", ""))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise UnreadableTicket(f"this is no ticket: {text!r:.200}") from error
        if not isinstance(version, int) or version > VERSION:
            raise UnreadableTicket(f"a ticket of version {version!r}; this process reads up to {VERSION}")
        if not all(isinstance(part, str) for part in (ticket.table, ticket.id, ticket.fence, ticket.motor)):
            raise UnreadableTicket(f"this is no ticket: {text!r:.200}")
        return ticket
