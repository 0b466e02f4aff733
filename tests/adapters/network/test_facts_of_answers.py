"""The header and the certificate of an answer as conditions read them, whichever engine has asked."""

import datetime as dt
import ssl

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hostile.server import HostileServer
from records import NOON
from watchkeeper.adapters.http.fast.engine import FastHttpEngine
from watchkeeper.adapters.http.fast.tls_contexts import TlsContexts
from watchkeeper.adapters.probes.web.http import HttpProber
from watchkeeper.domain.conditions.condition import compile_condition, evaluate
from watchkeeper.domain.conditions.judgement import Expectation
from watchkeeper.domain.observation.attempt import AttemptId
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probe import Http, Tls
from watchkeeper.domain.specification.probes.tls_handshake import TlsHandshake
from watchkeeper.domain.time.moment import NS_PER_S

DAY_NS = 86_400 * NS_PER_S
LINES = ["Server: nginx", "Set-Cookie: a=1", "SET-COOKIE: b=2", "X-Empty:", "X-Long: " + "y" * 30_000]
MET = [
    "[HEADERS].server == nginx",
    "[HEADERS].set-cookie == b=2",
    "len([HEADERS].set-cookie) == 2",
    "[HEADERS].content-length == 4",
    "has([HEADERS].x-empty) == true",
    "has([HEADERS].x-none) == false",
    "len([HEADERS].x-long[0]) == 30000",
]
UNMET = ["[HEADERS].server == apache", "[HEADERS].x-none == 1", "[HEADERS].set-cookie != a=1"]


@pytest.fixture(params=["fast", "libcurl"])
def prober(bench, request):
    if request.param == "libcurl":
        yield HttpProber(bench.transport)
        return
    plain = FastHttpEngine(bench.loop, bench.clock, bench.call_at, bench.resolver, contexts=TlsContexts())
    yield HttpProber(bench.transport, plain)
    plain.close()


def third_of(bench, prober, probe):
    """Returns the observation of the third attempt: by then the fast engine asks where it can."""
    seen = [bench.run(prober, probe).seen for _ in range(3)]
    assert {each.outcome for each in seen} == {Outcome.UP}
    return seen[-1]


def test_headers_are_read_alike_by_both_engines(bench, prober):
    with HostileServer({"lines": lambda visit: visit.answer(headers=LINES, body=b"fine")}) as server:
        seen = third_of(bench, prober, Http(url=server.url("/lines")))

    assert [text for text in MET + UNMET if evaluate(text, seen).passed] == MET


@pytest.mark.parametrize("name", ["long_header", "many_headers"])
def test_a_header_without_an_end_is_the_reason_and_no_condition_holds(bench, prober, name):
    """One line of 5 MB, and 200,000 lines."""
    with HostileServer() as server:
        seen = bench.run(prober, Http(url=server.url(f"/{name}"))).seen

    expectation = Expectation([compile_condition("[HEADERS].x-long == y")])
    sample = expectation.judge(AttemptId("a", 1, 1), NOON, seen)
    assert (sample.outcome, sample.reason) == (Outcome.DOWN, Reason.HEADERS_TOO_LARGE)
    assert evaluate("[HEADERS].x-long != y", seen).error == "the probe gave no headers"


def test_the_headers_of_the_last_answer_are_read(bench, prober):
    moved = ["Location: /there", "X-Step: first"]
    behaviours = {
        "here": lambda visit: visit.answer("302 Found", headers=moved),
        "there": lambda visit: visit.answer(headers=["X-Step: second"], body=b"fine"),
    }
    with HostileServer(behaviours) as server:
        seen = third_of(bench, prober, Http(url=server.url("/here")))

    assert evaluate("[HEADERS].x-step == second", seen).passed
    assert evaluate("has([HEADERS].location) == false", seen).passed


def test_a_certificate_is_read_alike_by_both_engines(bench, prober, tmp_path):
    ca = trustme.CA(organization_name='Acme, Inc. = "x"', organization_unit_name="Ünit; a")
    ends = dt.datetime.now(dt.UTC) + dt.timedelta(days=10)
    certificate = ca.issue_cert("127.0.0.1", "shop.example", "*.shop.example", "::1", not_after=ends)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    with HostileServer(tls=context) as server:
        probe = Http(url=server.url("/healthy"), tls=Tls(ca_file=str(tmp_path / "ca.pem")))
        seen = third_of(bench, prober, probe)

    assert seen.certificate_issuer == 'O=Acme, Inc. = "x", OU=Ünit; a'
    assert seen.certificate_names == ("127.0.0.1", "shop.example", "*.shop.example", "::1")
    assert seen.certificate_chain_expires_in_ns == seen.certificate_expires_in_ns
    assert 9 * DAY_NS < seen.certificate_expires_in_ns <= 10 * DAY_NS


@pytest.fixture
def shaking_hands(prober_of):
    return prober_of(TlsHandshake)


def authority_below(ca, ends):
    """Returns an authority whose own certificate ends at a moment, and that certificate as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    above = serialization.load_pem_private_key(ca.private_key_pem.bytes(), None)
    issuer = x509.load_pem_x509_certificate(ca.cert_pem.bytes())
    built = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "between")]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(17)
        .not_valid_before(ends - dt.timedelta(days=90))
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(above, hashes.SHA256())
    )
    pem = built.public_bytes(serialization.Encoding.PEM)
    form = serialization.PrivateFormat.TraditionalOpenSSL
    private = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    return trustme.CA.from_pem(pem, private), pem


def test_the_certificate_that_ends_first_decides_over_the_chain(bench, prober, shaking_hands, tmp_path):
    ca = trustme.CA()
    between, pem = authority_below(ca, dt.datetime.now(dt.UTC) + dt.timedelta(days=5))
    own = between.issue_cert("127.0.0.1", not_after=dt.datetime.now(dt.UTC) + dt.timedelta(days=10))
    chain = tmp_path / "chain.pem"
    chain.write_bytes(own.private_key_pem.bytes() + own.cert_chain_pems[0].bytes() + pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    with HostileServer(tls=context) as server:
        tls = Tls(ca_file=str(tmp_path / "ca.pem"))
        seen = third_of(bench, prober, Http(url=server.url("/healthy"), tls=tls))
        shown = bench.run(shaking_hands, TlsHandshake(host=server.host, port=server.port, tls=tls)).seen

    assert seen.certificate_issuer == "CN=between"
    assert 9 * DAY_NS < seen.certificate_expires_in_ns <= 10 * DAY_NS
    assert 4 * DAY_NS < seen.certificate_chain_expires_in_ns <= 5 * DAY_NS
    assert evaluate("[CERTIFICATE].chain_expiration > 7d", seen).passed is False
    assert (shown.certificate_issuer, shown.certificate_names) == (
        seen.certificate_issuer,
        seen.certificate_names,
    )
    assert evaluate("[CERTIFICATE].chain_expiration > 7d", shown).passed is False
    assert evaluate("[CERTIFICATE].chain_expiration > 4d", shown).passed
