"""Files of certificates are found from the folder of the configuration and looked at, wherever a specification may name one."""

from types import UnionType
from typing import Annotated, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest
import trustme
from watchkeeper.adapters.configuration.files import settle
from watchkeeper.adapters.configuration.key_files import KeyFault
from watchkeeper.adapters.configuration.loading import parse_configuration
from watchkeeper.domain.errors import ConfigurationError
from watchkeeper.domain.specification.channel import Channel
from watchkeeper.domain.specification.configuration import Configuration
from watchkeeper.domain.specification.probes.kinds import KINDS

FILES = ("ca_file", "certificate_file", "key_file")


def places(kind, path=()):
    """The places below a type in which a file of certificates may be named; a list is passed by its first entry."""
    origin = get_origin(kind)
    if origin is Annotated:
        yield from places(get_args(kind)[0], path)
    elif origin in (Union, UnionType):
        for choice in get_args(kind):
            yield from places(choice, path)
    elif origin is tuple:
        yield from places(get_args(kind)[0], (*path, 0))
    elif isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        hints = get_type_hints(kind, include_extras=True)
        for field in msgspec.structs.fields(kind):
            if field.encode_name in FILES:
                yield (*path, field.encode_name)
            yield from places(hints[field.name], (*path, field.encode_name))


PLACES = list(places(Configuration))


def document(path, value):
    """Plain data with a value at one place, whatever else a configuration needs."""
    for step in reversed(path):
        value = [value] if step == 0 else {step: value}
    return value


def value_at(data, path):
    for step in path:
        data = data[step]
    return data


def test_every_kind_with_tls_has_its_places():
    kinds = {**{f"targets.{name}": kind for name, kind in KINDS.items()}}
    kinds |= {f"channels.{name}": get_type_hints(Channel)[name] for name in Channel.one_of}
    secured = {name for name, kind in kinds.items() if any(places(kind))}

    assert {f"{path[0]}.{path[2]}" for path in PLACES if path[1] == 0} == secured
    assert secured >= {
        f"targets.{kind}" for kind in ("tls", "dns", "tcp", "redis", "domain", "websocket", "grpc")
    }
    assert ("targets", 0, "http_steps", "steps", 0, "proxy", "ca_file") in PLACES


@pytest.mark.parametrize("path", PLACES, ids=lambda path: ".".join(map(str, path)))
def test_a_name_is_meant_from_the_folder_and_a_file_that_is_not_there_is_a_problem(path, tmp_path):
    data = document(path, "gone.pem")

    (problem,) = settle(data, lambda _: tmp_path)

    assert problem.path == path
    assert "No such file" in problem.text

    data = document(path, "gone.pem")
    assert settle(data, lambda _: tmp_path, looks=False) == []
    assert value_at(data, path) == str(tmp_path / "gone.pem")


@pytest.mark.parametrize("path", sorted({path[:-1] for path in PLACES if path[-1] == "key_file"}, key=str))
def test_a_key_of_another_certificate_is_a_problem_everywhere(path, tmp_path):
    authority = trustme.CA()
    for name in ("a", "b"):
        leaf = authority.issue_cert(f"{name}.example")
        leaf.cert_chain_pems[0].write_to_path(tmp_path / f"{name}.pem")
        leaf.private_key_pem.write_to_path(tmp_path / f"{name}.key")
    own = document(path, {"certificate_file": "a.pem", "key_file": "a.key"})
    other = document(path, {"certificate_file": "a.pem", "key_file": "b.key"})

    assert settle(own, lambda _: tmp_path) == []
    (problem,) = settle(other, lambda _: tmp_path)
    assert (problem.path, problem.text) == ((*path, "key_file"), KeyFault.FOREIGN_KEY.value)


STEP = "http_steps: {{steps: [{{id: a, url: 'https://h/'{0}}}]}}"
NEEDING = {
    "tls: {{host: h, port: 443{0}}}": "tls",
    "dns: {{name: h, server: h, transport: tls{0}}}": "dns",
    "smtp: {{host: h{0}}}": "smtp",
    "imap: {{host: h{0}}}": "imap",
    "domain: {{name: shop.example{0}}}": "domain",
    "websocket: {{url: 'wss://h/'{0}}}": "websocket.url",
    STEP: "http_steps.steps[0].url",
    "http: {{url: 'http://h/', oauth2: {{token_url: 'https://h/', client_id: a, client_secret: b{0}}}}}": "http.oauth2.token_url",
}
"""Probes that prove certificates, and the places at which that is said."""
OPTIONAL = {
    "tcp: {{host: h, port: 1{0}}}": "tcp",
    "redis: {{host: h{0}}}": "redis",
    "grpc: {{host: h, port: 1{0}}}": "grpc",
    "mqtt: {{host: h{0}}}": "mqtt",
    "postgres: {{host: h, user: u, database: d{0}}}": "postgres",
    "mysql: {{host: h, user: u{0}}}": "mysql",
}
"""Those that do with `tls` alone."""
IN_CLEAR = (
    "dns: {name: h, server: h}",
    "smtp: {host: h, encryption: none}",
    "imap: {host: h, encryption: none}",
    "websocket: {url: 'ws://h/'}",
    "http: {url: 'http://h/', proxy: {url: 'http://p:3128'}}",
    "domain: {name: shop.example, rdap_server: 'http://h/'}",
    *(probe.format("") for probe in OPTIONAL),
)


@pytest.fixture
def without_authorities(tmp_path, monkeypatch):
    (tmp_path / "certs").mkdir()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "gone.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "certs"))
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.pem")

    def problems(probe):
        text = f"targets: [{{id: a, every: 1d, {probe}}}]"
        try:
            parse_configuration(text, {}, name="w", folder=tmp_path)
        except ConfigurationError as error:
            return error.problems
        return ()

    return problems


@pytest.mark.parametrize(("probe", "place"), [*NEEDING.items(), *OPTIONAL.items()])
def test_a_machine_without_certificate_authorities_is_a_problem_of_each_probe_that_proves_certificates(
    without_authorities, probe, place
):
    (problem,) = without_authorities(probe.format(", tls: {}" if probe in OPTIONAL else ""))

    assert f"targets[0].{place}: needs certificate authorities" in problem
    assert without_authorities(probe.format(", tls: {ca_file: ca.pem}")) == ()
    assert without_authorities(probe.format(", tls: {verify: false}")) == ()


def test_a_proxy_of_https_needs_certificate_authorities_too(without_authorities):
    proxied = "http: {{url: 'http://h/', proxy: {{url: 'https://p'{0}}}}}"
    (problem,) = without_authorities(proxied.format(""))

    assert "http.proxy.url: needs certificate authorities" in problem
    assert without_authorities(proxied.format(", ca_file: ca.pem")) == ()


@pytest.mark.parametrize("probe", IN_CLEAR)
def test_a_probe_in_clear_needs_no_certificate_authorities(without_authorities, probe):
    assert without_authorities(probe) == ()
