"""`python -m stepper_motor`, which is `stepper-motor`."""

from stepper_motor.cli.console import end

if __name__ == "__main__":
    end()
