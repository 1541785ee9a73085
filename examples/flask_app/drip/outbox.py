"""The app's letters. Nobody is bothered by them: they are written into a folder."""

from __future__ import annotations

from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path

from flask import current_app

from stepper_motor import now


def send(to: str, subject: str, text: str, *, key: str) -> None:
    """Write a letter.

    Args:
        key: names this one letter: when it is sent again, it replaces itself.
    """
    letter = EmailMessage()
    letter["Date"], letter["To"], letter["Subject"] = format_datetime(now()), to, subject
    letter.set_content(text)
    folder = Path(current_app.config["OUTBOX"])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{key}.eml").write_bytes(letter.as_bytes())
