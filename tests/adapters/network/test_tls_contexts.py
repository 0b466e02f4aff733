import ssl

import msgspec
import trustme
from watchkeeper.adapters.http.fast.tls_contexts import POLICY, TlsContexts, missing_library
from watchkeeper.adapters.net.secure_contexts import client_context
from watchkeeper.domain.specification.configuration import RuntimeOptions
from watchkeeper.domain.specification.probe import Tls

CHOSEN = RuntimeOptions(tls_library="rustls")


def trusted(context):
    return context.settings.get_ca_certs(binary_form=True)


def test_a_context_is_kept_until_its_file_has_changed(authority):
    contexts, tls = TlsContexts(), Tls(ca_file=authority.file)
    first = contexts.context(tls)
    assert contexts.context(tls) is first

    trustme.CA().cert_pem.write_to_path(authority.file)
    second = contexts.context(tls)
    assert trusted(second) != trusted(first)
    assert contexts.context(tls) is second


def test_authorities_that_cannot_be_read_make_no_context(authority, tmp_path):
    contexts, tls = TlsContexts(), Tls(ca_file=authority.file)
    empty = tmp_path / "empty.pem"
    empty.write_text("no certificate")

    assert contexts.context(Tls(ca_file="/nowhere.pem")) is None
    assert contexts.context(Tls(ca_file=str(empty))) is None
    assert contexts.context(tls) is not None
    (tmp_path / "ca.pem").unlink()
    assert contexts.context(tls) is None


def test_the_authorities_of_the_system_are_read_again_once_they_have_changed(authority, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", authority.file)
    first = client_context(Tls())
    assert client_context(Tls()) is first

    trustme.CA().cert_pem.write_to_path(authority.file)
    second = client_context(Tls())
    assert second.get_ca_certs(binary_form=True) != first.get_ca_certs(binary_form=True)
    assert client_context(Tls()) is second


def test_a_context_proves_the_chain_and_the_name(authority):
    settings = TlsContexts().context(Tls(ca_file=authority.file)).settings

    assert (settings.verify_mode, settings.check_hostname) == (ssl.CERT_REQUIRED, True)


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
    first, second = contexts.context(tls[0]), contexts.context(tls[1])
    assert contexts.context(tls[0]) is first
    contexts.context(tls[2])

    assert repr(contexts) == "TlsContexts(kept=2)"
    assert contexts.context(tls[0]) is first
    assert contexts.context(tls[1]) is not second
