"""One address for several servers, as a balancer in front of them is: each connection goes to one
of them at random, and to the next one where nobody listens.
"""

import random
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Balancer:
    """Hands connections on; ``ports`` may change while it runs."""

    def __init__(self) -> None:
        self.ports: list[int] = []
        self.served: dict[int, int] = {}  # connections by port
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._listener.close()

    def _listen(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        server = self._reach()
        if server is None:
            client.close()
            return
        back = threading.Thread(target=pump, args=(server, client), daemon=True)
        back.start()
        pump(client, server)
        back.join()
        client.close()
        server.close()

    def _reach(self) -> socket.socket | None:
        for port in random.sample(self.ports, len(self.ports)):
            try:
                server = socket.create_connection(("127.0.0.1", port), timeout=30)
            except OSError:
                continue
            self.served[port] = self.served.get(port, 0) + 1
            return server
        return None


def pump(source: socket.socket, target: socket.socket) -> None:
    """Everything that comes, until one side ends."""
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


@contextmanager
def balancing() -> Iterator[Balancer]:
    balancer = Balancer()
    try:
        yield balancer
    finally:
        balancer.close()
