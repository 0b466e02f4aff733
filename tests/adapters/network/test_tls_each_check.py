"""Every check of a `tls` probe proves the peer anew, in one handshake: the chain, the name, the time and the key."""

import socket
import ssl
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from hostile.server import HostileServer
from hostile.visit import Visit
from msgspec.structs import replace
from watchkeeper.adapters.probes.network.tls import TlsProber
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probe import Tls
from watchkeeper.domain.specification.probes.tls_handshake import TlsHandshake

DAY_NS = 86_400 * 10**9


@pytest.fixture
def prober(bench):
    prober = TlsProber(bench.around())
    yield prober
    prober.close()
    bench.turn()


class Changing:
    """A server whose certificate a test changes; counts the connections."""

    def __init__(self, authority) -> None:
        self.authority = authority
        self.connections = 0
        self.real = None
        """The server between which and the client this one stands."""
        self.change()
        self.server = HostileServer(greeting=self._serve)

    def change(self, *names, ca=None, newest=None, **more) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        (ca or self.authority.ca).issue_cert(*names or ("127.0.0.1",), **more).configure_cert(context)
        context.maximum_version = newest or ssl.TLSVersion.MAXIMUM_SUPPORTED
        self.context = context

    def _serve(self, visit: Visit) -> None:
        self.connections += 1
        if self.real is not None:
            forge(self.real, visit)
            return
        visit.secure(self.context)
        visit.wait_for_client_to_leave()


@pytest.fixture
def changing(authority):
    made = Changing(authority)
    with made.server:
        yield made


def target(changing, **fields) -> TlsHandshake:
    tls = Tls(ca_file=changing.authority.file, **fields)
    return TlsHandshake(host="127.0.0.1", port=changing.server.port, tls=tls)


def facts(seen):
    return seen.outcome, seen.reason, seen.body, seen.certificate_names, seen.certificate_issuer


def test_an_unchanged_chain_is_told_of_in_the_same_way(bench, prober, changing):
    seen = [bench.run(prober, target(changing)).seen for _ in range(3)]

    assert seen[0].outcome is Outcome.UP
    assert len({facts(each) for each in seen}) == 1
    assert changing.connections == 3


def test_a_new_certificate_is_told_of_by_the_attempt_that_sees_it(bench, prober, changing):
    first = bench.run(prober, target(changing)).seen
    changing.change(not_after=datetime.now(UTC) + timedelta(days=20))
    second = bench.run(prober, target(changing)).seen

    assert (first.outcome, second.outcome) == (Outcome.UP, Outcome.UP)
    assert second.certificate_expires_in_ns < 20 * DAY_NS < first.certificate_expires_in_ns
    assert changing.connections == 2
    assert 0 < second.phases.connect_ns + second.phases.tls_ns <= second.response_time_ns


WRONG = {
    "another authority": {"ca": trustme.CA()},
    "another name": {"names": ("127.0.0.9",)},
    "expired": {"not_after": datetime.now(UTC) - timedelta(days=1)},
}


@pytest.mark.parametrize("name", WRONG)
def test_a_certificate_that_proves_nothing_is_found_after_one_that_did(bench, prober, changing, name):
    for _ in range(2):
        assert bench.run(prober, target(changing)).seen.outcome is Outcome.UP
    fields = dict(WRONG[name])
    changing.change(*fields.pop("names", ()), **fields)
    for _ in range(2):
        seen = bench.run(prober, target(changing)).seen
        assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.CERTIFICATE_INVALID)
    assert changing.connections == 4


def test_a_proof_is_not_one_for_another_name_or_another_authority(bench, prober, changing, tmp_path):
    bench.run(prober, target(changing))
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))

    named = bench.run(prober, target(changing, server_name="shop.example")).seen
    distrusted = bench.run(prober, replace(target(changing), tls=Tls(ca_file=str(other)))).seen
    assert named.reason is Reason.CERTIFICATE_INVALID
    assert distrusted.reason is Reason.CERTIFICATE_INVALID


def test_an_authority_that_is_no_longer_trusted_proves_nothing(bench, prober, changing):
    assert bench.run(prober, target(changing)).seen.outcome is Outcome.UP
    trustme.CA().cert_pem.write_to_path(changing.authority.file)

    assert bench.run(prober, target(changing)).seen.reason is Reason.CERTIFICATE_INVALID


def forge(server, visit):
    """Stands between both, and changes the last bit of the server's signature."""
    with closing(socket.create_connection((server.host, server.port))) as real:
        real.sendall(visit.read_something())
        flight = bytearray()
        while b"\x0e\x00\x00\x00" not in flight:  # ServerHelloDone
            flight += real.recv(65_536)
        visit.send(_with_another_signature(bytes(flight)))
        visit.wait_for_client_to_leave()


def _with_another_signature(flight: bytes) -> bytes:
    """The records of TLS 1.2 with another end of ServerKeyExchange, whose messages are in clear."""
    changed, messages, places = bytearray(flight), bytearray(), []
    at = 0
    while at < len(flight):
        length = int.from_bytes(flight[at + 3 : at + 5])
        messages += flight[at + 5 : at + 5 + length]
        places += range(at + 5, at + 5 + length)
        at += 5 + length
    at = 0
    while messages[at] != 12:
        at += 4 + int.from_bytes(messages[at + 1 : at + 4])
    end = at + 4 + int.from_bytes(messages[at + 1 : at + 4])
    changed[places[end - 1]] ^= 1
    return bytes(changed)


def test_a_good_chain_without_its_key_is_refused(bench, prober, changing):
    """Certificates are public: anybody may show the right ones."""
    changing.change(newest=ssl.TLSVersion.TLSv1_2)
    assert bench.run(prober, target(changing)).seen.outcome is Outcome.UP
    with HostileServer(tls=changing.context) as changing.real:
        seen = bench.run(prober, target(changing)).seen

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.TLS_FAILED)
    assert "signature" in seen.detail
    assert changing.connections == 2
