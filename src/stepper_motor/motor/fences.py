"""The fencing token of a row."""

from __future__ import annotations

from secrets import token_urlsafe


def new_fence() -> str:
    """128 random bits in 22 characters, made before the write, so that an uncertain write can recognise itself."""
    return token_urlsafe(16)
