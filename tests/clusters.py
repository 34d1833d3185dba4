"""A Redis Cluster of three masters and a copy of one, to throw away: for tests."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import redis

from tests.on_redis import soon
from tests.servers import Redis, reserve_port

SHARES = ((0, 5460), (5461, 10922), (10923, 16383))
# Which of them has the slot of the keys that our scripts share.
OURS = 1


class Node(Redis):
    def __init__(self) -> None:
        super().__init__()
        self._bus = reserve_port()
        self.settings = {
            **self.settings,
            "cluster-enabled": "yes",
            "cluster-config-file": str(self.folder / "nodes.conf"),
            "cluster-port": str(self.bus_port),
            "cluster-node-timeout": "1000",
            "repl-diskless-sync-delay": "0",
        }

    @property
    def bus_port(self) -> int:
        port: int = self._bus.getsockname()[1]
        return port

    def close(self) -> None:
        super().close()
        self._bus.close()

    def tell(self, command: str, *words: Any) -> str:
        """What the node answers, as text."""
        with redis.Redis(host="127.0.0.1", port=self.port) as client:
            client.response_callbacks.clear()
            answer = client.execute_command(f"CLUSTER {command}", *words)
        return answer.decode() if isinstance(answer, bytes) else str(answer)

    def is_whole(self, others: int) -> bool:
        """Whether every slot has a node that answers, and so many nodes are known."""
        told = self.tell("INFO")
        return "cluster_state:ok" in told and f"cluster_known_nodes:{others}" in told

    def masters(self) -> str:
        """The masters that do not fail, as this one sees them."""
        lines = self.tell("NODES").splitlines()
        return "\n".join(line for line in lines if "master" in line and "fail" not in line)


@dataclass
class Group:
    """The servers of a cluster; ``copy`` takes over when the master ends that counts."""

    masters: list[Node]
    copy: Node

    def address(self) -> str:
        """What a setting says: two of the nodes, by which the others are found."""
        return "redis+cluster://" + ",".join(f"127.0.0.1:{each.port}" for each in self.masters[:2])

    def wait_for_copy(self) -> None:
        """Until the copy has what its master has been told."""
        with redis.Redis(host="127.0.0.1", port=self.masters[OURS].port) as client:
            client.set("{gatehouse}:seen", 1)  # what this connection wrote is waited for
            assert client.wait(1, 5000) == 1

    def wait_for_change(self) -> None:
        """Until the copy is a master, and the others know it."""
        left = [each for each in self.masters if each is not self.masters[OURS]]
        soon(lambda: all(f":{self.copy.port}@" in each.masters() for each in [*left, self.copy]))
        soon(lambda: all(each.is_whole(4) for each in [*left, self.copy]))


@contextmanager
def clustered() -> Iterator[Group]:
    with ExitStack() as stack:
        *masters, copy = every = [stack.enter_context(Node()) for _ in range(len(SHARES) + 1)]
        for number, (master, share) in enumerate(zip(masters, SHARES, strict=True), start=1):
            master.tell("ADDSLOTSRANGE", *share)
            master.tell("SET-CONFIG-EPOCH", number)
        for each in every[1:]:
            each.tell("MEET", "127.0.0.1", masters[0].port, masters[0].bus_port)
        soon(lambda: all(each.is_whole(len(every)) for each in every))
        copy.tell("REPLICATE", masters[OURS].tell("MYID"))
        soon(lambda: all("slave" in each.tell("NODES") for each in every))
        yield Group(masters, copy)
