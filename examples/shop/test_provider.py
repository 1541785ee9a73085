"""The provider's own test: `python -m unittest test_provider`, with nothing installed."""

import json
import threading
import unittest
from http.client import HTTPConnection
from typing import Any

from provider import Provider

ORDER = {"from_account": "GREEN-1", "to_account": "SHOP-1", "cents": 500}


class ProviderTest(unittest.TestCase):
    def setUp(self) -> None:
        self.provider = Provider(moodiness=0, delay=0)
        threading.Thread(target=self.provider.serve_forever, daemon=True).start()
        self.addCleanup(self.provider.server_close)
        self.addCleanup(self.provider.shutdown)

    def ask(self, method: str, path: str, body: Any = None, key: str = "k") -> tuple[int, dict[str, Any]]:
        connection = HTTPConnection("127.0.0.1", self.provider.server_port, timeout=5)
        connection.request(method, path, json.dumps(body) if body else None, {"Idempotency-Key": key})
        response = connection.getresponse()
        answer = response.status, json.load(response)
        connection.close()
        return answer

    def transfers(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("GET", "/ledger")[1]["transfers"]
        return found

    def poll(self, identity: str) -> str:
        state = "processing"
        while state == "processing":
            state = self.ask("GET", f"/transfers/{identity}")[1]["state"]
        return state

    def test_one_key_moves_money_once(self) -> None:
        first, second = (self.ask("POST", "/transfers", ORDER) for _ in range(2))
        self.assertEqual(first, second)
        self.assertEqual("complete", self.poll(first[1]["id"]))
        self.poll(first[1]["id"])
        self.assertEqual([(1, 2)], [(each["booked"], each["seen"]) for each in self.transfers()])

    def test_many_threads_with_one_key_move_money_once(self) -> None:
        threads = [threading.Thread(target=self.ask, args=("POST", "/transfers", ORDER)) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([20], [each["seen"] for each in self.transfers()])

    def test_a_key_is_for_one_order(self) -> None:
        self.ask("POST", "/transfers", ORDER)
        self.assertEqual(409, self.ask("POST", "/transfers", {**ORDER, "cents": 501})[0])

    def test_some_are_declined_and_some_fail_and_neither_is_booked(self) -> None:
        for number in range(200):
            order = {**ORDER, "from_account": f"GREEN-{number}"}
            answer = self.ask("POST", "/transfers", order, key=str(number))[1]
            if answer["state"] == "processing":
                self.poll(answer["id"])
        booked: dict[str, set[int]] = {}
        for transfer in self.transfers():
            booked.setdefault(transfer["state"], set()).add(transfer["booked"])
        self.assertEqual({"complete": {1}, "failed": {0}, "declined": {0}}, booked)

    def test_a_bank_can_be_offline(self) -> None:
        self.ask("PUT", "/banks/GREEN", {"online": False})
        self.assertEqual(503, self.ask("POST", "/transfers", ORDER)[0])
        self.ask("PUT", "/banks/GREEN", {"online": True})
        self.assertEqual(202, self.ask("POST", "/transfers", ORDER)[0])

    def test_half_of_the_503_come_after_the_work_was_done(self) -> None:
        self.provider.moodiness = 1
        statuses = [self.ask("POST", "/transfers", ORDER, key=str(number))[0] for number in range(100)]
        self.assertEqual({503}, set(statuses))
        self.assertTrue(20 < len(self.transfers()) < 80)


if __name__ == "__main__":
    unittest.main()
