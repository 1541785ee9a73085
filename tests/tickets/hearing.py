"""What motors say that happened."""

from __future__ import annotations

from stepper_motor.motor.events import Event, listen_everywhere


class Heard(list[Event]):
    """The events of every motor within the block."""

    def __enter__(self) -> Heard:
        self._end = listen_everywhere(self.append)
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def details(self, name: str) -> list[str | None]:
        """What was said with the events of this name."""
        return [event.detail for event in self if event.name == name]
