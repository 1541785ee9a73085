"""The fencing token of a row."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections import deque
from secrets import token_bytes

from stepper_motor.motor.forks import in_a_fork

SIZE, AT_ONCE = 16, 256

_ready: deque[str] = deque()


def new_fence() -> str:
    """128 random bits in 22 characters, made before the write, so that an uncertain write can recognise itself."""
    while True:
        try:
            return _ready.pop()
        except IndexError:
            _make()


def _make() -> None:
    # Many at a time: each call to the system's randomness gives up the interpreter's lock, which busy threads then
    # take milliseconds to get back.
    drawn = token_bytes(SIZE * AT_ONCE)
    _ready.extend(_text(drawn[n : n + SIZE]) for n in range(0, len(drawn), SIZE))


def _text(drawn: bytes) -> str:
    return urlsafe_b64encode(drawn).rstrip(b"=").decode()


in_a_fork(_ready.clear)
