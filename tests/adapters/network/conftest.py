"""Fixtures of the tests of the network adapters: a loop, a real clock, and one attempt run to its end."""

import asyncio
import os
import resource
import socket
import ssl
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hostile.names import NameServer
from hostile.server import HostileServer
from watchkeeper.adapters.clock import SystemClock
from watchkeeper.adapters.http.curl.transport import CurlTransport
from watchkeeper.adapters.net.name_service import CaresNameService, NameService
from watchkeeper.adapters.net.resolver import Resolver
from watchkeeper.adapters.probes.course import Surroundings
from watchkeeper.adapters.probes.shared import SharableProber
from watchkeeper.adapters.probes.table import NETWORK_PROBERS
from watchkeeper.domain.observation.attempt import AttemptId, ProbeRequest
from watchkeeper.domain.observation.observation import Observation
from watchkeeper.domain.specification.probes.kinds import Probe
from watchkeeper.domain.time.moment import NS_PER_MS, NS_PER_S, Deadline

from tests.adapters.timing import ANSWER_WITHIN_MS, GRACE_MS, call_at_of


class Ended(NamedTuple):
    """An observation, and how long it took to come by the monotonic clock."""

    seen: Observation
    took_ms: float


class Bench:
    """A loop with a transport, and attempts started on it."""

    def __init__(self, name_server: str) -> None:
        self.loop = asyncio.new_event_loop()
        self.clock = SystemClock()
        self.call_at = call_at_of(self.loop, self.clock)
        self.service = CaresNameService(self.loop, self.clock, servers=(name_server,))
        self.resolver = Resolver(self.loop, self.clock, service=self.service)
        self.transport = CurlTransport(self.loop, self.clock, self.call_at, self.resolver)

    def around(self, *, deny: bool = False) -> Surroundings:
        """The means of probers on this loop, which may be denied private addresses."""
        return Surroundings(
            loop=self.loop, clock=self.clock, resolver=self.resolver, deny_private_addresses=deny
        )

    def naming(self, names: NameService) -> Resolver:
        """A resolver that asks a name service of the test's."""
        return Resolver(self.loop, self.clock, service=names)

    def request(self, probe, timeout_ms: int = ANSWER_WITHIN_MS) -> ProbeRequest:
        now = self.clock.read()
        deadline = Deadline.after(now, timeout_ms * NS_PER_MS)
        return ProbeRequest(attempt=AttemptId("t", 1, 1), probe=probe, deadline=deadline, started=now)

    def run(self, prober, probe, timeout_ms: int = ANSWER_WITHIN_MS) -> Ended:
        """One attempt, which must end by its deadline and a little."""
        answer = self.loop.create_future()
        request = self.request(probe, timeout_ms)
        prober.start(request, answer.set_result)
        assert not answer.done(), "an answer must never come from within start"
        seen = self.wait(answer, timeout_ms)
        took_ms = self.clock.read().since(request.started) / NS_PER_MS
        assert took_ms < timeout_ms + GRACE_MS
        return Ended(seen, took_ms)

    def wait(self, answer: asyncio.Future, timeout_ms: int = ANSWER_WITHIN_MS):
        return self.loop.run_until_complete(asyncio.wait_for(answer, (timeout_ms + GRACE_MS) / 1_000))

    def turn(self) -> None:
        """Lets the loop run the callbacks that are ready now."""
        self.loop.run_until_complete(asyncio.sleep(0))

    def when(self, event, timeout_s: float = 20.0) -> bool:
        """Run the loop until a thread sets the event."""
        return self.loop.run_until_complete(
            asyncio.wait_for(asyncio.to_thread(event.wait, timeout_s), timeout_s + 1)
        )

    def until(self, happened: Callable[[], bool], timeout_s: float = 20.0) -> None:
        """Runs the loop until something has happened, which another thread may bring about."""
        deadline = Deadline.after(self.clock.read(), round(timeout_s * NS_PER_S))
        while not happened():
            assert not deadline.expired(self.clock.read())
            self.loop.run_until_complete(asyncio.wait([self.loop.create_future()], timeout=0.005))

    def close(self) -> None:
        self.transport.close()
        self.resolver.close()
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()


@pytest.fixture
def names():
    """A name server of the test's own: other names than those that the test gives it do not exist."""
    with NameServer() as names:
        yield names


@pytest.fixture
def bench(names):
    bench = Bench(names.place)
    yield bench
    bench.close()


@pytest.fixture
def prober_of(bench):
    """Makes the prober of a kind, which is closed at the end of the test."""
    with ExitStack() as closing:

        def make(kind: type[Probe]) -> SharableProber:
            prober = NETWORK_PROBERS[kind](bench.around())
            closing.callback(bench.turn)
            closing.callback(prober.close)
            return prober

        yield make


@pytest.fixture
def descriptors() -> Callable[[], int]:
    """How many descriptors this process has open."""
    return lambda: len(list(Path("/proc/self/fd").iterdir()))


@contextmanager
def _no_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = [os.dup(0)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        while True:
            try:
                taken.append(os.dup(0))
            except OSError:
                break
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for descriptor in taken:
            os.close(descriptor)


@pytest.fixture
def no_descriptors():
    """A stretch in which this process can open nothing more."""
    return _no_descriptors


@contextmanager
def _full_backlog(host):
    with socket.create_server((host, 0), backlog=0) as listener, ExitStack() as waiting:
        for _ in range(4):
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


@pytest.fixture
def full_backlog():
    """A port of a host on which connections are neither taken nor refused."""
    return _full_backlog


class Authority:
    """A certificate authority with its file, and servers that prove themselves by it."""

    def __init__(self, folder) -> None:
        self.ca = trustme.CA()
        self.file = str(folder / "ca.pem")
        self.ca.cert_pem.write_to_path(self.file)
        self.folder = folder

    def context(self, *names) -> ssl.SSLContext:
        """The means by which a server proves these names, or its address on loopback."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert(*names or ("127.0.0.1",)).configure_cert(context)
        return context

    def server(self, *names, expires=None, context=None, ca=None) -> HostileServer:
        context = context or ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate = (ca or self.ca).issue_cert(*names or ("127.0.0.1",), not_after=expires)
        certificate.configure_cert(context)
        return HostileServer(tls=context)

    def nameless_server(self) -> HostileServer:
        """A server whose valid certificate names it by the common name alone."""
        key = ec.generate_private_key(ec.SECP256R1())
        ca_key = serialization.load_pem_private_key(self.ca.private_key_pem.bytes(), None)
        ca = x509.load_pem_x509_certificate(self.ca.cert_pem.bytes())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(ca.subject)
        builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(ca.not_valid_before_utc).not_valid_after(ca.not_valid_after_utc)
        pem = builder.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        pem += key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        file = self.folder / "nameless.pem"
        file.write_bytes(pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return HostileServer(tls=context)

    def client_files(self) -> dict[str, str]:
        certificate = self.ca.issue_cert("client")
        paths = {
            "certificate_file": str(self.folder / "client.pem"),
            "key_file": str(self.folder / "client.key"),
        }
        certificate.private_key_pem.write_to_path(paths["key_file"])
        certificate.cert_chain_pems[0].write_to_path(paths["certificate_file"])
        return paths


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)
