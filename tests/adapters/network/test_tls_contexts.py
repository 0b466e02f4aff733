import ssl

import msgspec
import pytest
import trustme
from watchkeeper.adapters.tls_contexts import POLICY, TlsContexts, missing_library
from watchkeeper.domain.configuration import RuntimeOptions
from watchkeeper.domain.probe import Tls

CHOSEN = RuntimeOptions(tls_library="rustls")
FRESH_NS = POLICY.fresh_for_ns


@pytest.fixture(params=[False, True], ids=["openssl", "rustls"])
def rustls(request):
    return request.param


def trusted(context):
    return context.settings.get_ca_certs(binary_form=True)


def test_a_context_is_kept_until_its_file_has_changed(authority, rustls):
    contexts, tls = TlsContexts(rustls=rustls), Tls(ca_file=authority.file)
    first = contexts.context(tls, 0)
    assert contexts.context(tls, FRESH_NS) is first

    trustme.CA().cert_pem.write_to_path(authority.file)
    assert contexts.context(tls, 2 * FRESH_NS - 1) is first
    second = contexts.context(tls, 2 * FRESH_NS)
    assert trusted(second) != trusted(first)


def test_authorities_that_cannot_be_read_make_no_context(authority, tmp_path, rustls):
    contexts, tls = TlsContexts(rustls=rustls), Tls(ca_file=authority.file)
    empty = tmp_path / "empty.pem"
    empty.write_text("no certificate")

    assert contexts.context(Tls(ca_file="/nowhere.pem"), 0) is None
    assert contexts.context(Tls(ca_file=str(empty)), 0) is None
    assert contexts.context(tls, 0) is not None
    (tmp_path / "ca.pem").unlink()
    assert contexts.context(tls, FRESH_NS) is None


def test_what_is_not_to_be_proven_needs_no_authorities(authority, rustls):
    lax = TlsContexts(rustls=rustls).context(Tls(verify=False, ca_file=authority.file), 0)
    strict = TlsContexts(rustls=rustls).context(Tls(ca_file=authority.file), 0)

    assert type(lax.settings) is ssl.SSLContext
    assert (lax.settings.verify_mode, lax.settings.check_hostname, trusted(lax)) == (ssl.CERT_NONE, False, [])
    assert (strict.settings.verify_mode, strict.settings.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_a_library_that_is_not_installed_is_refused_with_what_to_install():
    (problem,) = missing_library(CHOSEN, package="installed_nowhere")
    assert str(problem).startswith("runtime.tls_library: rustls is not installed: pip install")
    assert not [*missing_library(CHOSEN), *missing_library(RuntimeOptions(), package="installed_nowhere")]


def test_the_contexts_kept_are_bounded_by_their_last_use(authority, tmp_path):
    contexts = TlsContexts(msgspec.structs.replace(POLICY, entries_max=2))
    tls = []
    for name in "abc":
        trustme.CA().cert_pem.write_to_path(str(tmp_path / name))
        tls.append(Tls(ca_file=str(tmp_path / name)))
    first, second = contexts.context(tls[0], 0), contexts.context(tls[1], 0)
    assert contexts.context(tls[0], 0) is first
    contexts.context(tls[2], 0)

    assert repr(contexts) == "TlsContexts(kept=2)"
    assert contexts.context(tls[0], 0) is first
    assert contexts.context(tls[1], 0) is not second
