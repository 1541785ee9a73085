"""The commands, once for every home: `manage.py stepper_motor ...`, `stepper-motor ...`, `flask stepper-motor ...`."""

from stepper_motor.cli.commands import add_commands, run
from stepper_motor.cli.home import Home, Program, Started, Write

__all__ = ["Home", "Program", "Started", "Write", "add_commands", "run"]
