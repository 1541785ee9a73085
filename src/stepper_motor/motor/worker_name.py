"""What a performer calls itself in `performed_by`."""

from __future__ import annotations

import os
import socket
from secrets import token_hex


def worker_name() -> str:
    """host:process:random, at most 80 characters; no two performers ever share one."""
    return f"{socket.gethostname()[:48]}:{os.getpid()}:{token_hex(4)}"
