"""A payment service at work: real processes, real HTTP, and a bank that is idempotent by key, but moody.

    python -m examples.fastapi_service.demo [--worker beside|inside] [--payments 30]
                                            [--database-url postgresql+asyncpg://...] [--folder var]

To be run where the folder `examples` is. Ends by itself, and exits with 1 if any claim does not hold.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from examples.backstage import Backstage, Process, Story, end_with_the_others_on_sigterm, wait_until

HERE = Path(__file__).resolve().parent
COMMAND = ("-m", "stepper_motor", "--app", "service.motor:motor")
ENDED = ("finished", "canceled")


def main() -> int:
    options = read_options()
    end_with_the_others_on_sigterm()
    sweep(options.folder)
    url = options.database_url or f"sqlite+aiosqlite:///{(options.folder / 'payments.sqlite3').resolve()}"
    with Backstage(options.folder) as backstage:
        service = Service(backstage, url, has_worker_inside=options.worker == "inside")
        if options.worker == "beside":
            service.start_worker()
        return play(service, Story(), options.payments)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Shows a payment service at work.")
    parser.add_argument("--worker", choices=["beside", "inside"], default="beside", help="of the web app (beside)")
    parser.add_argument("--payments", type=int, default=30, help="under way when the worker is killed (30)")
    parser.add_argument("--database-url", help="an empty database (default: SQLite, in the folder)")
    parser.add_argument("--folder", type=Path, default=HERE / "var", help="for the database and the logs (var)")
    return parser.parse_args()


def sweep(folder: Path) -> None:
    """Remove what an earlier demo left in the folder, and nothing else."""
    folder.mkdir(parents=True, exist_ok=True)
    for pattern in ("payments.sqlite3*", "process-*.log"):
        for file in folder.glob(pattern):
            file.unlink()


class Service:
    """The processes of the service, and what can be asked of them through HTTP."""

    def __init__(self, backstage: Backstage, database_url: str, *, has_worker_inside: bool) -> None:
        """Create the tables, and start the bank and the web app."""
        self._backstage = backstage
        self._has_worker_inside = has_worker_inside
        worker = "inside" if has_worker_inside else "beside"
        self._environment = {"DATABASE_URL": database_url, "PAYMENTS_WORKER": worker, "PAYMENTS_LEASE": "3"}
        self._start("-m", "service.tables").says("The tables are there")
        self._environment["BANK_URL"] = bank = self._start(*server("provider:app")).address()
        self._bank = httpx.Client(base_url=bank)
        self._start_web()

    def start_worker(self) -> None:
        """Start one beside the web app, and wait until it works."""
        self.worker = self._start(*COMMAND, "worker")
        self.worker.says("worker_started")

    def command(self, *arguments: str) -> list[str]:
        """What `stepper-motor --app service.motor:motor ...` writes."""
        return self._start(*COMMAND, *arguments).ends().splitlines()

    def pay(self, account: str, cents: int, at: datetime | None = None) -> httpx.Response:
        told = {"account": account, "cents": cents, "at": at and at.isoformat()}
        return self._app.post("/payments", json=told)

    def steer(self, payment: int, verb: str, **told: str) -> httpx.Response:
        return self._app.post(f"/payments/{payment}/{verb}", params=told)

    def show(self, payment: int) -> dict[str, Any]:
        found: dict[str, Any] = self._app.get(f"/payments/{payment}").raise_for_status().json()
        return found

    def ids(self, state: str | None = None) -> list[int]:
        """The payments in this state; all of them, without one."""
        found = self._app.get("/payments", params={"state": state} if state else {}).raise_for_status()
        return [payment["id"] for payment in found.json()]

    def open_bank(self) -> None:
        self._bank.put("/online/yes").raise_for_status()

    def close_bank(self) -> None:
        self._bank.put("/online/no").raise_for_status()

    def ledger(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._bank.get("/ledger").raise_for_status().json()
        return found

    def wait_for(self, payment: int, seen: Callable[[dict[str, Any]], object], what: str) -> dict[str, Any]:
        """Wait until a payment's timeline shows it."""
        wait_until(lambda: seen(self.show(payment)), what)
        return self.show(payment)

    def wait_for_end(self, payment: int) -> dict[str, Any]:
        return self.wait_for(payment, lambda shown: shown["state"] in ENDED, f"payment {payment} ends")

    def lose_worker(self) -> str:
        """Kill the process that performs, in the middle of whatever it does, and start another; returns what it was."""
        if self._has_worker_inside:
            self.web.kill()
            self._start_web()
            return "the web app, with the worker inside it"
        self.worker.kill()
        self.start_worker()
        return "the worker"

    def _start_web(self) -> None:
        self.web = self._start(*server("service.app:app"))
        self._app = httpx.Client(base_url=self.web.address(), timeout=30)

    def _start(self, *arguments: str) -> Process:
        return self._backstage.start(*arguments, folder=HERE, **self._environment)


def server(app: str) -> list[str]:
    return ["-m", "uvicorn", app, "--port", "0"]


def play(service: Service, story: Story, payments: int) -> int:
    for scene in (one_payment, no_payment, maintenance, second_thoughts):
        scene(service, story)
    accident(service, story, payments)
    audit(service, story)
    return story.end()


def one_payment(service: Service, story: Story) -> None:
    story.chapter("One payment")
    accepted = service.pay("NL01BOB", 25_00)
    story.claim("a payment is taken on, and its journey with it", seen=accepted.status_code, expected=201)
    shown = service.wait_for_end(accepted.json()["id"])
    tell_timeline(shown, story)
    story.claim("it arrives, though the bank was overloaded on the way", seen=shown["state"], expected="finished")
    story.claim("the failure stands in its history", seen="failed" in outcomes(shown), expected=True)
    story.claim("it is booked once", seen=shown["booked"], expected=[25_00])


def no_payment(service: Service, story: Story) -> None:
    story.chapter("No payment")
    declined = service.wait_for_end(service.pay("CLOSED", 10_00).json()["id"])
    story.tell(declined["explanation"])
    story.claim("what the bank declines is canceled", seen=declined["state"], expected="canceled")
    before = service.ids()
    refused = service.pay("NL01BOB", 2_000_000)
    story.tell(refused.json()["detail"])
    story.claim(
        "what our rules forbid is refused, after its journey was started", seen=refused.status_code, expected=409
    )
    story.claim("... and nothing is left of it", seen=service.ids(), expected=before)


def maintenance(service: Service, story: Story) -> None:
    story.chapter("The bank is closed")
    service.close_bank()
    payment = service.pay("NL02EVE", 40_00).json()["id"]
    service.wait_for(payment, lambda shown: outcomes(shown).count("failed") >= 2, "the order is attempted twice")
    paused = service.steer(payment, "pause", by="olga", reason="the bank is closed").json()
    story.tell(paused["explanation"])
    story.claim("an operator pauses what can't go on", seen=paused["state"], expected="paused")
    service.open_bank()
    story.claim("it is listed among the paused", seen=service.ids("paused"), expected=[payment])
    for line in service.command("list", "--state", "paused"):
        story.tell(line)
    again = service.steer(payment, "pause", by="olga")
    story.claim(f"twice is once too often: {again.json()['detail']}", seen=again.status_code, expected=409)
    service.steer(payment, "resume", by="olga", reason="the bank is back")
    shown = service.wait_for_end(payment)
    tell_timeline(shown, story)
    story.claim("resumed, it goes on where it was, and arrives", seen=shown["booked"], expected=[40_00])
    told = [entry["by"] for entry in shown["history"] if entry["outcome"] in ("paused", "resumed")]
    story.claim("the history knows who it was", seen=told, expected=["olga", "olga"])


def second_thoughts(service: Service, story: Story) -> None:
    story.chapter("Second thoughts")
    payment = service.pay("NL03MAX", 99_00, at=datetime.now(UTC) + timedelta(days=1)).json()["id"]
    story.tell(service.show(payment)["explanation"])
    canceled = service.steer(payment, "cancel", by="the customer", reason="thought better of it")
    story.tell(canceled.json()["explanation"])
    story.claim("what is due tomorrow can be taken back today", seen=canceled.json()["state"], expected="canceled")
    too_late = service.steer(service.ids("finished")[0], "cancel", by="the customer")
    story.claim(f"what has arrived can't: {too_late.json()['detail']}", seen=too_late.status_code, expected=409)


def accident(service: Service, story: Story, payments: int) -> None:
    story.chapter("An accident")
    known = len(service.ledger())
    paid = [service.pay(f"NL{number:02}ANN", number).json()["id"] for number in range(1, payments + 1)]
    wait_until(lambda: len(service.ledger()) >= known + payments // 2, "half of the payments are ordered")
    victim = service.lose_worker()
    story.tell(f"{payments} payments are under way: {victim} is killed (SIGKILL) in the middle of them, another starts")
    wait_until(lambda: set(paid) <= set(service.ids("finished")), "all payments arrive")
    shown = [service.show(payment) for payment in paid]
    lost = sum(outcomes(each).count("lost") for each in shown)
    story.tell(f"{lost} steps were lost with it, and performed again by the other")
    booked = [each["booked"] for each in shown]
    story.claim("all of them arrive, and are booked once", seen=booked, expected=[[n] for n in range(1, payments + 1)])


def audit(service: Service, story: Story) -> None:
    story.chapter("What the bank says")
    ledger = service.ledger()
    repeated = sum(transfer["seen"] - 1 for transfer in ledger)
    story.tell(f"{len(ledger)} transfers; {repeated} orders came once more, under a key it knew, and moved nothing")
    moved = sum(transfer["order"]["cents"] * transfer["moved"] for transfer in ledger)
    booked = sum(sum(service.show(payment)["booked"]) for payment in service.ids())
    story.claim("what we have booked is what the bank has moved", seen=booked, expected=moved)
    most = max(transfer["moved"] for transfer in ledger)
    story.claim("no money was moved twice", seen=most, expected=1)
    never = [transfer for transfer in ledger if transfer["order"]["account"] == "NL03MAX"]
    story.claim("of the payment that was taken back the bank has never heard", seen=never, expected=[])


def tell_timeline(shown: dict[str, Any], story: Story) -> None:
    for entry in shown["history"]:
        at = datetime.fromisoformat(entry["finished_at"])
        attempt = f"attempt {entry['attempt']}" if entry["attempt"] else f"by {entry['by']}"
        why = entry["message"] or entry["reason"] or ""
        story.tell(f"{at:%H:%M:%S}  {entry['step_name']:8} {attempt:10} {entry['outcome']:12} {why}".rstrip())
    story.tell(f"          {shown['explanation']}")


def outcomes(shown: dict[str, Any]) -> list[str]:
    return [entry["outcome"] for entry in shown["history"]]


if __name__ == "__main__":
    sys.exit(main())
