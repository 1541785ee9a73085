"""Two weeks of a sign-up drip in seconds: real processes, real HTTP, and a clock that runs fast.

    python -m examples.flask_app.demo [--day 0.5] [--folder var]

To be run where the folder `examples` is. Ends by itself, and exits with 1 if any claim does not hold.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.utils import parsedate_to_datetime
from html import unescape
from pathlib import Path

import httpx

from examples.backstage import Backstage, Process, Story, end_with_the_others_on_sigterm, wait_until

HERE = Path(__file__).resolve().parent
DAY = timedelta(days=1)
ALL_LETTERS = ["Welcome", "Your account is ready", "Did you know?", "How do you like it?"]


def main() -> int:
    options = read_options()
    end_with_the_others_on_sigterm()
    folder = options.folder.resolve()
    sweep(folder)
    with Backstage(folder) as backstage:
        return play(App(backstage, folder, speed=DAY.total_seconds() / options.day), Story())


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Shows two weeks of a sign-up drip in seconds.")
    parser.add_argument("--day", type=float, default=0.5, help="seconds that a day is to take (0.5)")
    parser.add_argument("--folder", type=Path, default=HERE / "var", help="for database, letters and logs (var)")
    return parser.parse_args()


def sweep(folder: Path) -> None:
    """Remove what an earlier demo left in the folder, and nothing else."""
    folder.mkdir(parents=True, exist_ok=True)
    for pattern in ("drip.sqlite3*", "process-*.log", "outbox/*.eml"):
        for file in folder.glob(pattern):
            file.unlink()


@dataclass(frozen=True)
class Letter:
    to: str
    subject: str
    at: datetime

    @classmethod
    def read(cls, file: Path) -> Letter:
        message = message_from_bytes(file.read_bytes())
        return cls(message["To"], message["Subject"], parsedate_to_datetime(message["Date"]))


@dataclass(frozen=True)
class Page:
    """A user's page, as far as a spectator reads it."""

    state: str
    explanation: str
    outcomes: list[str]

    @classmethod
    def read(cls, html: str) -> Page:
        found = re.search(r'data-state="(\w+)">(.*?)</p>', html, re.DOTALL)
        assert found, html
        return cls(found[1], unescape(found[2]), re.findall(r'data-outcome="([\w ]+)"', html))


class App:
    """The processes of the app, and what can be asked of them through HTTP."""

    def __init__(self, backstage: Backstage, folder: Path, *, speed: float) -> None:
        """Create the tables and start the web app; nobody performs yet."""
        self._backstage = backstage
        self._outbox = folder / "outbox"
        self._environment = {
            "FLASK_SQLALCHEMY_DATABASE_URI": f"sqlite:///{folder / 'drip.sqlite3'}",
            "FLASK_OUTBOX": str(self._outbox),
            "DRIP_CLOCK_SPEED": str(speed),
            "DRIP_CLOCK_ORIGIN": datetime.now(UTC).isoformat(),
        }
        self._flask("create-tables").says("The tables are there")
        self._pages = httpx.Client(
            base_url=self._flask("run", "--port", "0").address(), follow_redirects=True, timeout=30
        )

    def start_worker(self) -> None:
        self._flask("stepper-motor", "worker").says("worker_started")

    def perform_what_is_due(self) -> None:
        """Let a worker work until nothing is due any more."""
        self._flask("stepper-motor", "worker", "--once").ends()

    def sign_up(self, name: str) -> httpx.Response:
        return self._pages.post("/users", data={"name": name, "email": address_of(name)})

    def press(self, user: int, button: str) -> httpx.Response:
        return self._pages.post(f"/users/{user}/{button}")

    def page(self, user: int) -> Page:
        return Page.read(self._pages.get(f"/users/{user}").raise_for_status().text)

    def home(self) -> str:
        return self._pages.get("/").raise_for_status().text

    def letters_to(self, name: str) -> list[Letter]:
        """In the order in which they were sent."""
        letters = map(Letter.read, self._outbox.glob("*.eml"))
        return sorted((letter for letter in letters if letter.to == address_of(name)), key=lambda letter: letter.at)

    def wait_for(self, user: int, seen: Callable[[Page], object], what: str) -> Page:
        """Wait until a user's page shows it."""
        wait_until(lambda: seen(self.page(user)), what)
        return self.page(user)

    def _flask(self, *arguments: str) -> Process:
        return self._backstage.start("-m", "flask", "--app", "drip", *arguments, folder=HERE, **self._environment)


def address_of(name: str) -> str:
    return f"{name.lower()}@mail.example"


def play(app: App, story: Story) -> int:
    ada, bob, cid, dot = opening(app, story)
    story.chapter("A worker starts")
    app.start_worker()
    parting(app, story, cid)
    whole_course(app, story, ada)
    shorter_course(app, story, bob)
    long_pause(app, story, dot)
    return story.end()


def opening(app: App, story: Story) -> list[int]:
    story.chapter("Four people sign up")
    users = {name: user_on(app.sign_up(name)) for name in ("Ada", "Bob", "Cid", "Dot")}
    for name, user in users.items():
        story.tell(f"{name}: {app.page(user).explanation}")
    twice = app.sign_up("Ada")
    story.claim("nobody signs up twice", seen=twice.status_code, expected=409)
    started = app.home().count("<td>ready</td>")
    story.claim(
        "each has a journey, committed with the user; the one that was refused left none", seen=started, expected=4
    )
    app.press(users["Bob"], "visit")
    story.tell("Bob comes back at once")
    paused = Page.read(app.press(users["Dot"], "pause").text)
    story.claim(f"Dot's journey is paused by hand: {paused.explanation}", seen=paused.state, expected="paused")
    return list(users.values())


def parting(app: App, story: Story, cid: int) -> None:
    app.wait_for(cid, lambda page: "welcome completed" in page.outcomes, "Cid is welcomed")
    app.press(cid, "leave")
    story.tell("Cid leaves after the first letter")
    page = app.wait_for(cid, lambda page: page.state == "canceled", "Cid's journey is canceled")
    story.tell(page.explanation)
    last = [letter.subject for letter in app.letters_to("Cid")]
    story.claim("nobody writes to him any more", seen=last == ALL_LETTERS[: len(last)] and len(last) < 4, expected=True)


def whole_course(app: App, story: Story, ada: int) -> None:
    story.chapter("Ada gets every letter")
    page = app.wait_for(ada, lambda page: page.state == "finished", "Ada's journey finishes")
    letters = app.letters_to("Ada")
    for letter in letters:
        story.tell(f"{letter.at:%d %B, %H:%M}  {letter.subject}")
    story.claim("all four, in their order", seen=[letter.subject for letter in letters], expected=ALL_LETTERS)
    welcome, reminder, tip, _ = (letter.at for letter in letters)
    in_time = reminder - welcome >= 2 * DAY and tip - reminder >= 5 * DAY
    story.claim("none before its time", seen=in_time, expected=True)
    story.claim("her page tells each step", seen=len(page.outcomes), expected=4)


def shorter_course(app: App, story: Story, bob: int) -> None:
    story.chapter("Bob needs no reminder")
    page = app.wait_for(bob, lambda page: page.state == "finished", "Bob's journey finishes")
    story.claim("the step was skipped, as he had been back", seen="remind skipped" in page.outcomes, expected=True)
    subjects = [letter.subject for letter in app.letters_to("Bob")]
    story.claim("he got the three others", seen=subjects, expected=[ALL_LETTERS[0], *ALL_LETTERS[2:]])


def long_pause(app: App, story: Story, dot: int) -> None:
    story.chapter("Dot's pause ends")
    story.claim("she got nothing while the journey was paused", seen=app.letters_to("Dot"), expected=[])
    app.press(dot, "resume")
    again = app.press(dot, "resume")
    story.claim(f"twice is once too often: {again.text}", seen=again.status_code, expected=409)
    app.wait_for(dot, lambda page: page.state == "finished", "Dot's journey finishes")
    subjects = [letter.subject for letter in app.letters_to("Dot")]
    story.claim("then she got them all", seen=subjects, expected=ALL_LETTERS)


def user_on(response: httpx.Response) -> int:
    """The user whose page one was sent to."""
    return int(response.raise_for_status().url.path.rpartition("/")[2])


if __name__ == "__main__":
    sys.exit(main())
