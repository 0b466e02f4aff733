"""The oldest version of TLS that is good: one key for every kind of probe that speaks TLS, whichever library does."""

import ssl

import pytest
import trustme
from hostile.records import RecordServer, record, reply
from hostile.server import HostileServer
from hostile.stores import Store
from hostile.versions import of_versions
from mail_server import MailServer
from watchkeeper.adapters.http.fast.engine import FastHttpEngine
from watchkeeper.adapters.http.fast.tls_contexts import TlsContexts
from watchkeeper.adapters.probes.table import NETWORK_PROBERS
from watchkeeper.adapters.probes.web.http import HttpProber
from watchkeeper.domain.conditions.condition import evaluate
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probe import Http, Tls
from watchkeeper.domain.specification.probes.dns import Dns
from watchkeeper.domain.specification.probes.redis import Redis
from watchkeeper.domain.specification.probes.smtp import Smtp
from watchkeeper.domain.specification.probes.tls_handshake import TlsHandshake

VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}
HTTP = ["libcurl", "rustls"]
SPOKEN = {
    "tls": lambda context: HostileServer(tls=context),
    "dns": lambda context: RecordServer(lambda asked: reply(asked, [record(1, bytes(4))]), tls=context),
    "smtp": lambda context: MailServer(starttls=context),
    "redis": lambda context: HostileServer(greeting=Store(tls=context)),
}


@pytest.fixture
def plain(bench):
    plain = FastHttpEngine(bench.loop, bench.clock, bench.call_at, bench.resolver, contexts=TlsContexts())
    yield plain
    plain.close()


class Asking:
    """Asks a server of each kind that speaks one version of TLS alone."""

    def __init__(self, bench, plain, authority) -> None:
        self._bench, self._plain, self._authority = bench, plain, authority
        self._around = bench.around()

    def __call__(self, kind, spoken, oldest):
        """The last of two attempts."""
        context = self._authority.context()
        of_versions(context, VERSIONS[spoken], VERSIONS[spoken])
        tls = Tls(ca_file=self._authority.file, **({"minimum_version": oldest} if oldest else {}))
        with SPOKEN.get(kind, SPOKEN["tls"])(context) as server:
            probe, prober = self._probe(kind, server.port, tls)
            try:
                return [self._bench.run(prober, probe).seen for _ in range(2)][-1]
            finally:
                prober.close()
                self._bench.turn()

    def _probe(self, kind, port, tls):
        if kind in HTTP:
            plain = self._plain if kind == "rustls" else None
            url = f"https://127.0.0.1:{port}/healthy"
            return Http(url=url, tls=tls), HttpProber(self._bench.transport, plain)
        place = {"host": "127.0.0.1", "port": port, "tls": tls}
        match kind:
            case "tls":
                probe = TlsHandshake(**place)
            case "dns":
                probe = Dns(name="a.example", server="127.0.0.1", port=port, transport="tls", tls=tls)
            case "smtp":
                probe = Smtp(**place)
            case _:
                probe = Redis(**place)
        return probe, NETWORK_PROBERS[type(probe)](self._around)


@pytest.fixture
def ask(bench, plain, authority):
    return Asking(bench, plain, authority)


KINDS = [*HTTP, *SPOKEN]
GOOD = [
    ("1.3", None),
    ("1.2", None),
    ("1.3", "1.3"),
    ("1.2", "1.2"),
    ("1.2", "1.0"),
    ("1.1", "1.1"),
    ("1.0", "1.0"),
]
BAD = [("1.2", "1.3"), ("1.1", None), ("1.1", "1.2"), ("1.0", "1.1")]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("spoken", "oldest"), GOOD)
def test_a_version_that_is_not_older_is_good(ask, kind, spoken, oldest):
    seen = ask(kind, spoken, oldest)

    assert (seen.outcome, seen.detail) == (Outcome.UP, "")
    assert seen.phases.tls_ns > 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("spoken", "oldest"), BAD)
def test_a_version_that_is_older_is_down(ask, kind, spoken, oldest):
    seen = ask(kind, spoken, oldest)

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.TLS_FAILED)
    # The mail server of the test closes without an alert.
    assert ("closed" if kind == "smtp" else "version") in seen.detail


def test_the_version_that_was_agreed_on_stays_a_fact_of_a_handshake(ask):
    assert evaluate("[BODY].version == 1.1", ask("tls", "1.1", "1.0")).passed


@pytest.mark.parametrize("kind", ["libcurl", "tls"])
def test_an_old_version_takes_no_certificate_that_proves_nothing(ask, authority, tmp_path, kind):
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    authority.file = str(other)

    assert ask(kind, "1.1", "1.0").reason is Reason.CERTIFICATE_INVALID
