"""What the service is told through its environment."""

import os

DATABASE_URL = os.environ.get("DATABASE_URL", "sqlite+aiosqlite:///payments.sqlite3")
"""For example postgresql+asyncpg://user:password@host/payments."""
BANK_URL = os.environ.get("BANK_URL", "http://127.0.0.1:8099")
LEASE = float(os.environ.get("PAYMENTS_LEASE", "60"))
"""Seconds after which a payment is taken over from a worker that is silent."""
WORKER_INSIDE = os.environ.get("PAYMENTS_WORKER") == "inside"
"""Whether the web app performs the journeys too. Otherwise a worker has to run beside it."""
