"""Measures the same checks with and without the calls that only Linux has.

    python bench/portable.py [--pairs 5] [--checks 1000]

Prints one JSON object. Each side is a process of its own that probes a server on the other core, on the loop that the
runtime would take (uvloop). `tests/portable` hides the calls; the words of BSD's sockets are left out, as they are Python.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TIMER_ALARMS = 300
COMMANDS = 100
AT_ONCE = 20


def run_side(port: int, checks: int) -> dict[str, float]:
    """Measure in this process; the package is imported only now, when the calls are hidden or not."""
    import _socket
    import socket

    socket.SocketType = _socket.socket
    from watchkeeper.actors.dispatch.run.alarm import AlarmClock, MillisecondTimer
    from watchkeeper.actors.dispatch.run.event_loops import new_event_loop
    from watchkeeper.adapters.clock import SystemClock
    from watchkeeper.adapters.http.curl.transport import CurlTransport
    from watchkeeper.adapters.http.fast.engine import FastHttpEngine
    from watchkeeper.adapters.kernel_timer import KernelTimer, has_kernel_timer
    from watchkeeper.adapters.net.resolver import Resolver
    from watchkeeper.adapters.probes.local.exec import ExecProber
    from watchkeeper.adapters.probes.network.tcp import TcpProber
    from watchkeeper.adapters.probes.web.http import HttpProber
    from watchkeeper.domain.specification.probe import Exec, Http, Tcp

    loop, clock = new_event_loop(), SystemClock()
    call_at = AlarmClock(loop, clock.monotonic_ns).call_at
    resolver = Resolver(loop, clock)
    tcp, commands = TcpProber(loop, clock, resolver), ExecProber(loop, clock, call_at)
    transport = CurlTransport(loop, clock, call_at, resolver)
    plain = FastHttpEngine(loop, clock, call_at, resolver)
    page = Http(url=f"http://127.0.0.1:{port}/")
    rows = {
        "tcp": (tcp, Tcp(host="127.0.0.1", port=port, send="GET / HTTP/1.1\r\n\r\n", expect="fine"), checks),
        "http": (HttpProber(transport, plain), page, checks),
        "http_libcurl": (HttpProber(transport), page, checks),
        "exec": (commands, Exec(argv=("/bin/true",)), COMMANDS),
    }
    figures = {}
    for name, (prober, probe, count) in rows.items():
        run = loop.run_until_complete
        run(many(clock, prober, probe, AT_ONCE))
        before = time.process_time()
        run(many(clock, prober, probe, count))
        figures[f"{name}_us"] = (time.process_time() - before) / count * 1e6
    make_timer = KernelTimer if has_kernel_timer() else MillisecondTimer
    figures["timer_late_ms"] = loop.run_until_complete(lateness_ms(loop, make_timer))
    for closing in (tcp, commands, plain, transport):
        closing.close()
    return figures


async def many(clock, prober, probe, count: int) -> None:
    """So many checks, a few of them under way at all times."""
    from watchkeeper.domain.observation.attempt import AttemptId, ProbeRequest
    from watchkeeper.domain.observation.outcome import Outcome
    from watchkeeper.domain.time.moment import NS_PER_S, Deadline

    loop = asyncio.get_running_loop()

    async def some() -> None:
        for _ in range(count // AT_ONCE):
            now, answer = clock.read(), loop.create_future()
            deadline = Deadline.after(now, 10 * NS_PER_S)
            prober.start(
                ProbeRequest(attempt=AttemptId("t", 1, 1), probe=probe, deadline=deadline, started=now),
                answer.set_result,
            )
            seen = await answer
            if seen.outcome is not Outcome.UP:
                raise RuntimeError(f"{probe} was {seen}")

    await asyncio.gather(*(some() for _ in range(AT_ONCE)))


async def lateness_ms(loop: asyncio.AbstractEventLoop, make_timer) -> float:
    """How late a timer rings in the median, on a loop that has nothing else to do."""
    rang = asyncio.Event()
    timer, late = make_timer(loop, rang.set), []
    for number in range(TIMER_ALARMS):
        rang.clear()
        after_ns = 1_300_000 + number * 10_007
        due_ns = time.monotonic_ns() + after_ns
        timer.set(after_ns)
        await rang.wait()
        late.append((time.monotonic_ns() - due_ns) / 1e6)
    timer.close()
    return statistics.median(late)


async def serve() -> None:
    """Answers any request, and closes the connection."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def side(port: int, checks: int, *, hidden: bool) -> dict[str, float]:
    """The figures of one side, measured by a process of its own on core 0."""
    from machine import stay_on

    done = subprocess.run(
        [sys.executable, __file__, "--side", str(port), "--checks", str(checks)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests" / "portable") if hidden else ""},
        stdout=subprocess.PIPE, text=True, check=True, preexec_fn=lambda: stay_on(0),
    )  # fmt: skip
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures how much the calls that only Linux has save.")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--checks", type=int, default=1_000)
    parser.add_argument("--side", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve:
        asyncio.run(serve())
    elif asked.side:
        print(json.dumps(run_side(asked.side, asked.checks)))
    else:
        print(json.dumps(compare(asked.pairs, asked.checks), indent=1))


def compare(pairs: int, checks: int) -> dict[str, dict[str, float]]:
    """Both sides in turn; the median of each, and of the pairs' ratios."""
    server = subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True)
    try:
        port = int(server.stdout.readline())
        measured = [(side(port, checks, hidden=False), side(port, checks, hidden=True)) for _ in range(pairs)]
    finally:
        server.kill()
        server.wait()
    median = statistics.median
    return {
        name: {
            "linux": round(median(linux[name] for linux, _ in measured), 3),
            "portable": round(median(portable[name] for _, portable in measured), 3),
            "ratio": round(median(portable[name] / linux[name] for linux, portable in measured), 2),
        }
        for name in measured[0][0]
    }


if __name__ == "__main__":
    main()
