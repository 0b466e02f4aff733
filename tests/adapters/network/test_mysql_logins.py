"""The logins of the `mysql` probe at servers of MySQL 8: by a proof that the server remembers, or by the password behind TLS."""

import hashlib
import ssl

import pytest
from daemons import PASSWORD, USER
from hostile.databases import NONCE, OK, TLS_ASKED_BYTES, greeting, packet, refusal
from hostile.databases import Mysql as Small
from hostile.server import HostileServer
from watchkeeper.adapters.probes.course import Surroundings
from watchkeeper.adapters.probes.table import NETWORK_PROBERS
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probe import Tls
from watchkeeper.domain.specification.probes.servers.mysql import Mysql


@pytest.fixture
def prober(bench):
    around = Surroundings(
        loop=bench.loop, clock=bench.clock, resolver=bench.resolver, deny_private_addresses=False
    )
    prober = NETWORK_PROBERS[Mysql](around)
    yield prober
    prober.close()
    bench.turn()


def target(server, **fields) -> Mysql:
    return Mysql(**{"host": "127.0.0.1", "port": server.port, "user": USER, "password": PASSWORD, **fields})


def sha2_proof(nonce):
    """The proof that a server of caching_sha2_password awaits."""
    once = hashlib.sha256(PASSWORD.encode()).digest()
    mask = hashlib.sha256(hashlib.sha256(once).digest() + nonce).digest()
    return bytes(a ^ b for a, b in zip(once, mask, strict=True))


FULL = packet(2, b"\1\4")


def fully(visit):
    """A server of MySQL 8 that does not remember the login, and asks for the password itself."""
    visit.read_something()
    visit.send(FULL)
    said = visit.read_something()
    visit.send(packet(4, OK if said[4:] == PASSWORD.encode() + b"\0" else refusal(1045, "Access denied")))


def securing(context, then):
    """A login that begins with TLS."""

    def log_in(visit):
        visit.read_exactly(TLS_ASKED_BYTES)
        visit.secure(context)
        then(visit)

    return log_in


def behind_tls(visit):
    login = visit.read_something()
    assert login[3] == 2
    visit.send(packet(3, b"\1\4"))
    said = visit.read_something()
    visit.send(packet(5, OK if said[4:] == PASSWORD.encode() + b"\0" else refusal(1045, "Access denied")))


def test_a_server_that_wants_the_password_itself_gets_it_behind_tls_alone(bench, prober, authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.ca.issue_cert("127.0.0.1").configure_cert(context)
    small = Small(
        greets=greeting(b"caching_sha2_password", has_tls=True), logs_in=securing(context, behind_tls)
    )
    with HostileServer(greeting=small) as server:
        good = bench.run(prober, target(server, tls=Tls(ca_file=authority.file), query="SELECT 42")).seen
    small = Small(greets=greeting(b"caching_sha2_password"), logs_in=fully)
    with HostileServer(greeting=small) as server:
        in_clear = bench.run(prober, target(server)).seen

    assert (good.outcome, good.detail, good.body) == (Outcome.UP, "", b'[{"n": 42}]')
    assert (in_clear.outcome, in_clear.reason) == (Outcome.DOWN, Reason.UNEXPECTED_ANSWER)
    assert "in clear, and it is not sent" in in_clear.detail


def remembering(visit):
    """A server of MySQL 8 that remembers the login."""
    proof = sha2_proof(NONCE)
    good = proof in visit.read_something()
    visit.send(packet(2, b"\1\3") + packet(3, OK) if good else packet(2, refusal(1045, "Access denied")))


def switching(visit):
    """A server that asks for another kind of login than it named first."""
    visit.read_something()
    visit.send(packet(2, b"\xfecaching_sha2_password\0" + NONCE[::-1] + b"\0"))
    good = visit.read_something()[4:] == sha2_proof(NONCE[::-1])
    visit.send(packet(4, b"\1\3") + packet(5, OK) if good else packet(4, refusal(1045, "Access denied")))


@pytest.mark.parametrize(
    "plugin", [b"dialog", b"mysql_clear_password", b"mysql_old_password", b"sha256_password"]
)
def test_a_password_is_sent_in_clear_to_no_server_that_asks_for_it(bench, prober, plugin):
    heard = []

    def asking(visit):
        visit.read_something()
        visit.send(packet(2, b"\xfe" + plugin + b"\0\4Password: "))
        heard.append(visit.read_something())

    with HostileServer(greeting=Small(logs_in=asking)) as server:
        seen = bench.run(prober, target(server)).seen
        assert server.gone.wait(20)

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.UNEXPECTED_ANSWER)
    assert "the server asks for " in seen.detail
    assert heard == [b""]


@pytest.mark.parametrize(
    ("plugin", "logs_in"), [(b"caching_sha2_password", remembering), (b"dialog", switching)]
)
def test_a_login_of_the_newer_kind_is_made(bench, prober, plugin, logs_in):
    with HostileServer(greeting=Small(greets=greeting(plugin), logs_in=logs_in)) as server:
        seen = bench.run(prober, target(server, query="SELECT 42")).seen

    assert (seen.outcome, seen.detail) == (Outcome.UP, "")
    assert [each.value for each in seen.measurements] == [42.0]
