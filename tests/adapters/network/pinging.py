"""Runs `icmp` probes in a network of its own, as standard input says; prints what became of each as JSON.

The kernel answers echo requests, or where a probe names another way, a thread of this program does in the kernel's place.
"""

import json
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path
from typing import Self

from watchkeeper.adapters.probes.table import NETWORK_PROBERS
from watchkeeper.domain.specification.probes.icmp import Icmp

from tests.adapters.network.conftest import Bench
from tests.adapters.timing import ANSWER_WITHIN_MS

SETTINGS = Path("/proc/sys/net/ipv4")
LATE_MS = 600
HALF_MS = 4_000
"""The others must be answered within it, on a busy machine, too."""


class Answering:
    """Answers echo requests of IPv4 in a way of its own, and notes what came."""

    def __init__(self, way: str) -> None:
        self.heard: list[tuple[int, int, bool]] = []
        """The payload's length, the routers that it may pass, and whether it may not be sent in pieces."""
        self._way = way
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._way = "over"
        self._socket.sendto(b"\x0d" + bytes(7), ("127.0.0.1", 0))
        self._thread.join(20)
        self._socket.close()

    def _serve(self) -> None:
        while self._way != "over":
            packet, sender = self._socket.recvfrom(65_535)
            kind, number = packet[20], int.from_bytes(packet[26:28])
            if kind == 8:
                self.heard.append((len(packet) - 28, packet[8], bool(packet[6] & 0x40)))
                self._answer(packet[24:], number, sender)

    def _answer(self, rest: bytes, number: int, sender) -> None:
        match self._way:
            case "half" if number % 2:
                return
            case "another":
                rest = rest[:4] + bytes(8) + rest[12:]
            case "short":
                rest = rest[:6]
            case "silent":
                return
        answer = b"\0\0" + struct.pack(">H", checksum(b"\0\0\0\0" + rest)) + rest
        self._socket.sendto(answer, sender)


def checksum(data: bytes) -> int:
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def told(seen, heard) -> dict:
    return {
        "outcome": seen.outcome,
        "reason": seen.reason,
        "detail": seen.detail,
        "ip": seen.ip,
        "connected": seen.connected,
        "figures": {each.name: each.value for each in seen.measurements},
        "ms": (seen.response_time_ns or 0) / 1e6,
        "heard": heard,
    }


def sockets(kind: str) -> int:
    """How many sockets of a kind are open in this network, by the kernel's own tables."""
    return sum(len(Path(f"/proc/net/{kind}{six}").read_text().splitlines()) - 1 for six in ("", "6"))


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def run(bench: Bench, prober, way: str, fields: dict) -> dict:
    (SETTINGS / "icmp_echo_ignore_all").write_text("0" if way == "kernel" else "1")
    with Answering(way) as peer:
        late = {"silent": LATE_MS, "another": LATE_MS, "short": LATE_MS, "half": HALF_MS}
        seen = bench.run(prober, Icmp(**fields), late.get(way, ANSWER_WITHIN_MS)).seen
    return told(seen, peer.heard if way != "kernel" else [])


def main() -> None:
    asked = json.load(sys.stdin)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    if asked["group"] is not None:
        (SETTINGS / "ping_group_range").write_text(f"{asked['group']} {asked['group']}")
    bench = Bench("127.0.0.1")
    prober = NETWORK_PROBERS[Icmp](bench.around())
    found = (
        [run(bench, prober, way, fields) for way, fields in asked["probes"]]
        if asked["answering"]
        else [told(bench.run(prober, Icmp(**fields)).seen, []) for _, fields in asked["probes"]]
    )
    before = descriptors()
    for _ in range(asked["repeat"]):
        bench.run(prober, Icmp(**asked["probes"][0][1]))
    left_open = descriptors() - before
    opened = sockets("raw"), sockets("icmp")
    prober.close()
    bench.turn()
    bench.close()
    sys.stdout.write(json.dumps({"probes": found, "sockets": opened, "left_open": left_open}))


if __name__ == "__main__":
    main()
