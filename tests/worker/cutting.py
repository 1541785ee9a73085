"""A way to the database that is cut just when an answer is due: what was sent has arrived, and nobody learns of it."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Any

from tests import databases


class CuttingProxy:
    """Passes everything on, until a client has sent certain messages on one connection: the answer to the last is lost.

    That connection is closed when the server has answered; others are passed on.
    """

    def __init__(self) -> None:
        self._messages: tuple[bytes, ...] = ()
        self._lock = threading.Lock()
        self.cuts = 0
        self._server = databases.server(databases.chosen())
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def environment(self) -> dict[str, str]:
        """Leads a process that a test starts through here."""
        database = databases.chosen()
        user = f"{self._server.user}:{self._server.password}" if self._server.password else self._server.user
        scheme = databases.DEFAULT_URLS[database].partition(":")[0]
        port = self._listener.getsockname()[1]
        return {databases.url_variable(database): f"{scheme}://{user}@127.0.0.1:{port}"}

    def cut_after(self, *messages: str) -> None:
        """Lose the answer to the last of these: texts that stand in messages of one connection, in this order."""
        with self._lock:
            self._messages = tuple(message.encode() for message in messages)

    def close(self) -> None:
        for each in (self._listener, *self._sockets):
            _close(each)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection((self._server.host, self._server.port))
            except OSError:
                return
            self._sockets += [client, server]
            way = _Way(self, client, server)
            threading.Thread(target=way.there, daemon=True).start()
            threading.Thread(target=way.back, daemon=True).start()

    def follow(self, message: bytes, seen: int) -> int:
        """How many of the messages a connection has sent that had sent `seen`; -1: now it is to be cut."""
        with self._lock:
            if not self._messages or self._messages[min(seen, len(self._messages) - 1)] not in message:
                return seen
            if seen + 1 < len(self._messages):
                return seen + 1
            self._messages = ()
            self.cuts += 1
            return -1


class _Way:
    """One client's connection, there and back."""

    def __init__(self, proxy: CuttingProxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self._seen = 0

    def there(self) -> None:
        for message in _messages(self._client):
            if self._seen >= 0:
                self._seen = self._proxy.follow(message, self._seen)
            with suppress(OSError):
                self._server.sendall(message)
        _close(self._server)

    def back(self) -> None:
        for message in _messages(self._server):
            if self._seen < 0:
                break
            with suppress(OSError):
                self._client.sendall(message)
        _close(self._client)


def _messages(source: socket.socket) -> Any:
    while True:
        try:
            message = source.recv(1 << 20)
        except OSError:
            return
        if not message:
            return
        yield message


def _close(each: socket.socket) -> None:
    with suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
    each.close()
