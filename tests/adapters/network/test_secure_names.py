"""TLS by a name whose first address refuses: the refusal is forgotten once another address has answered."""

import itertools
import ssl

import pytest
import trustme
from hostile.server import HostileServer
from hostile.visit import Visit
from watchkeeper.adapters.http.fast.engine import FastHttpEngine
from watchkeeper.adapters.http.fast.tls_contexts import TlsContexts
from watchkeeper.adapters.probes.web.http import HttpProber
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probe import Http, Tls


def read_and_reset(visit):
    visit.read_something()
    visit.reset()


def untrusted(visit):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("one.example", "two.example").configure_cert(context)
    visit.secure(context)
    visit.read_request()


BEHAVIOURS = {
    "plain": (lambda visit: visit.send(b"HTTP/1.1 200 OK\r\n\r\n"), Reason.TLS_FAILED),
    "reset": (read_and_reset, Reason.CONNECTION_RESET),
    "closed": (Visit.read_something, Reason.TLS_FAILED),
    "untrusted": (untrusted, Reason.CERTIFICATE_INVALID),
}


class Turning(HostileServer):
    """Answers over TLS at first, and then does with a connection as `then` does."""

    def __init__(self, context, fine, then) -> None:
        turns = itertools.count()

        def greet(visit):
            if next(turns) < fine:
                visit.secure(context)
                visit.read_request()
                visit.answer(body=b"fine")
            else:
                then(visit)

        super().__init__(greeting=greet)


@pytest.mark.parametrize("host", ["one.example", "two.example"])
@pytest.mark.parametrize("fast", [False, True], ids=["libcurl", "fast"])
@pytest.mark.parametrize(("then", "reason"), BEHAVIOURS.values(), ids=BEHAVIOURS)
def test_a_failed_handshake_has_the_same_reason_by_any_name(
    bench, names, authority, host, fast, then, reason
):
    names.names |= {"one.example": ("127.0.0.1",), "two.example": ("::1", "127.0.0.1")}
    context = authority.context("one.example", "two.example")
    plain = FastHttpEngine(bench.loop, bench.clock, bench.call_at, bench.resolver, contexts=TlsContexts())
    prober = HttpProber(bench.transport, plain if fast else None)
    with Turning(context, 2, then) as server:
        probe = Http(url=f"https://{host}:{server.port}/", tls=Tls(ca_file=authority.file))
        up = [bench.run(prober, probe).seen.outcome for _ in range(2)]
        seen = bench.run(prober, probe).seen
    plain.close()

    assert up == [Outcome.UP] * 2
    assert (seen.outcome, seen.reason) == (Outcome.DOWN, reason)
