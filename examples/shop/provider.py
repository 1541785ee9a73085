"""A payment provider as one meets them: slow, moody, and idempotent by key.

    python provider.py [--seed 7] [--port 0]

It prints its address as its first line and lives until its standard input is closed.

    POST /transfers            with an Idempotency-Key: takes a transfer on (202), or declines it (200)
    GET  /transfers/<id>       processing, complete or failed; each question brings a transfer on its way
    PUT  /banks/<code>         {"online": false}: accounts of that bank are answered 503 until it is back
    GET  /ledger               every transfer, what was booked, and how often each key was seen

Any request may be answered 503 at random, and half of those only after the work was done: the caller can't know.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import threading
import time
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, Any]]

UNAVAILABLE: Answer = (503, {"explanation": "overloaded, try again"})
OFFLINE: Answer = (503, {"explanation": "the bank of this account is offline"})
NOT_FOUND: Answer = (404, {"explanation": "no such thing here"})
CONFLICT: Answer = (409, {"explanation": "this key was used for another order"})


@dataclass
class Transfer:
    id: str
    key: str
    order: dict[str, Any]
    state: str = "processing"
    explanation: str = ""
    questions_to_go: int = 0
    booked: int = 0
    """How often the money was moved. One would hope for at most once."""
    seen: int = 1
    """How often it was ordered."""


class Books:
    """What the provider knows. A transfer's fate is drawn from the seed and the order, so a run can be repeated."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._lock = threading.Lock()
        self._transfers: dict[str, Transfer] = {}
        self._offline: set[str] = set()

    def order(self, key: str, order: dict[str, Any]) -> Answer:
        with self._lock:
            if self._bank(order) in self._offline:
                return OFFLINE
            transfer = self._transfers.get(key)
            if transfer is None:
                transfer = self._transfers[key] = self._take_on(key, order)
            elif transfer.order != order:
                return CONFLICT
            else:
                transfer.seen += 1
            return (200 if transfer.state == "declined" else 202), self._told(transfer)

    def details(self, identity: str) -> Answer:
        with self._lock:
            transfer = next((each for each in self._transfers.values() if each.id == identity), None)
            if transfer is None:
                return NOT_FOUND
            if self._bank(transfer.order) in self._offline:
                return OFFLINE
            self._bring_on(transfer)
            return 200, self._told(transfer)

    def set_online(self, bank: str, *, online: bool) -> Answer:
        with self._lock:
            (self._offline.discard if online else self._offline.add)(bank)
        return 200, {}

    def ledger(self) -> Answer:
        with self._lock:
            return 200, {"transfers": [asdict(transfer) for transfer in self._transfers.values()]}

    def _take_on(self, key: str, order: dict[str, Any]) -> Transfer:
        dice = random.Random(f"{self._seed}:{order}")
        transfer = Transfer(f"T{len(self._transfers) + 1:05}", key, order, questions_to_go=dice.randint(1, 6))
        fate = dice.random()
        if fate < 0.06:
            transfer.state, transfer.explanation = "declined", "insufficient funds"
        elif fate < 0.10:
            transfer.explanation = "account closed"
        return transfer

    @staticmethod
    def _bring_on(transfer: Transfer) -> None:
        if transfer.state != "processing":
            return
        transfer.questions_to_go -= 1
        if transfer.questions_to_go <= 0:
            transfer.state = "failed" if transfer.explanation else "complete"
            transfer.booked += transfer.state == "complete"

    @staticmethod
    def _told(transfer: Transfer) -> dict[str, Any]:
        explanation = "" if transfer.state == "processing" else transfer.explanation
        return {"id": transfer.id, "state": transfer.state, "explanation": explanation}

    @staticmethod
    def _bank(order: dict[str, Any]) -> str:
        return str(order["from_account"]).partition("-")[0]


class Provider(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *, port: int = 0, seed: int = 7, moodiness: float = 0.15, delay: float = 0.03) -> None:
        """Listens on loopback.

        Args:
            port: 0 takes a free one.
            seed: Where all its randomness comes from.
            moodiness: The share of requests that are answered 503.
            delay: The longest it thinks about a request, in seconds.
        """
        super().__init__(("127.0.0.1", port), Desk)
        self.books = Books(seed)
        self.moodiness = moodiness
        self.delay = delay
        self.dice = random.Random(seed)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Desk(BaseHTTPRequestHandler):
    """Answers one request."""

    server: Provider

    def do_POST(self) -> None:
        order = self._body()
        self._answer_moodily(lambda: self.server.books.order(self.headers["Idempotency-Key"], order))

    def do_GET(self) -> None:
        if self.path == "/ledger":
            self._answer(self.server.books.ledger())
        else:
            self._answer_moodily(lambda: self.server.books.details(self.path.rpartition("/")[2]))

    def do_PUT(self) -> None:
        self._answer(self.server.books.set_online(self.path.rpartition("/")[2], **self._body()))

    def _answer_moodily(self, work: Any) -> None:
        mood = self.server.dice.random()
        time.sleep(self.server.delay * self.server.dice.random())
        if mood < self.server.moodiness / 2:
            self._answer(UNAVAILABLE)
            return
        answer = work()
        self._answer(UNAVAILABLE if mood < self.server.moodiness else answer)

    def _body(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return content

    def _answer(self, answer: Answer) -> None:
        status, body = answer
        content = json.dumps(body).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except ConnectionError:
            pass  # The caller died while it waited, which is what the demo is about.

    def log_message(self, format: str, *args: Any) -> None:
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description="A payment provider on loopback.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    provider = Provider(port=options.port, seed=options.seed)
    threading.Thread(target=provider.serve_forever, daemon=True).start()
    print(provider.url, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
