"""A home that keeps rows in plain Python objects, in one process: nothing to install, nothing to clean up.

It keeps every promise of `motor/ports.py` (transactions, locks, leases, one journey per hero), so a `Motor` with its
worker runs on it. It is there for tests of what does not depend on a database (a queue, a scheduler), and it is what
other stores are compared with. It is no place for an app's journeys: they end with the process.
"""

from stepper_motor.testing.memory.database import Busy, Disconnected
from stepper_motor.testing.memory.journey import MemoryJourney
from stepper_motor.testing.memory.motor import MemoryMotor
from stepper_motor.testing.memory.store import MemoryStore

__all__ = ["Busy", "Disconnected", "MemoryJourney", "MemoryMotor", "MemoryStore"]
