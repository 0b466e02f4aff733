"""Proxies, name servers and logins of the `http` probe: their problems, and everything that is shown of them."""

import json

import msgspec
import pytest
from msgspec import UNSET
from watchkeeper import ConfigurationError, DigestAuth, Http, OAuth2, Proxy, Target, Tls
from watchkeeper.adapters.configuration.loading import examine
from watchkeeper.adapters.masking import SecretMask, secrets_of
from watchkeeper.domain.specification.probe import BasicAuth
from watchkeeper.domain.validation.partial import judged_target
from watchkeeper.web.shapes.documents import masked

URL = "https://shop.example/"
SECRET = "canary/of+the mine"  # noqa: S105  # it sings and opens nothing


def problems_of(**fields):
    return [str(each) for each in judged_target(Target(id="a", http=Http(url=URL, **fields)), channels=())[1]]


def proxy(url="http://proxy:3128", **fields):
    return {"proxy": Proxy(url=url, **fields)}


def oauth2(**fields):
    said = {"token_url": "https://id.example/token", "client_id": "me", "client_secret": SECRET, **fields}
    return {"oauth2": OAuth2(**said)}


DIGEST = {"digest_auth": DigestAuth(user="u", password=SECRET)}
LOGIN = {"user": "u", "password": SECRET}

GOOD = [
    proxy(),
    proxy("HTTPS://proxy.example", ca_file="/f", **LOGIN),
    proxy("http://[2001:db8::1]:3128/", headers={"X-Zone": "blue"}),
    proxy("socks5://10.0.0.1:1080", **LOGIN),
    proxy(
        exceptions=[
            "shop.example",
            ".example",
            "10.0.0.0/8",
            "10.0.0.1",
            "2001:db8::/32",
            "::1",
            "bücher.example",
        ]
    ),
    {"resolver": "udp://192.0.2.53"},
    {"resolver": "tcp://[2001:db8::53]:5353"},
    DIGEST,
    oauth2(scopes=["read", "a:b/c"], parameters={"audience": "x"}, authentication="body"),
    proxy("socks5://proxy") | {"address_family": "ipv4"},
]


@pytest.mark.parametrize("fields", GOOD)
def test_a_way_and_a_login_that_are_right_have_no_problem(fields):
    assert problems_of(**fields) == []


FAULTY = [
    (proxy("ftp://proxy"), "http.proxy.url: has the scheme 'ftp': only http, https, socks5 and socks5h are possible"),
    (proxy("socks4://proxy"), "http.proxy.url: has the scheme 'socks4': only http, https, socks5 and socks5h are possible, did you mean"),
    (proxy("proxy:3128"), "http.proxy.url: is no absolute URL: write it like http://proxy:3128"),
    (proxy("http://u:p@proxy"), "http.proxy.url: holds a user name or a password: write them under user and password"),
    (proxy("http://proxy/pac"), "http.proxy.url: goes on behind the port"),
    (proxy("http://proxy:0"), "http.proxy.url: has a port that is none"),
    (proxy(user="u"), "http.proxy.user: has no effect without a password"),
    (proxy(password="p"), "http.proxy.password: has no effect without a user"),  # noqa: S106
    (proxy(user="a:b", password="p"), "http.proxy.user: holds a colon"),  # noqa: S106
    (proxy("socks5h://proxy", user="u" * 256, password="p"), "http.proxy.user: is longer than 255 bytes"),  # noqa: S106
    (proxy("socks5://proxy", headers={"A": "b"}), "http.proxy.headers: has no effect on a proxy of socks5"),
    (proxy(headers={"Host": "b"}), "http.proxy.headers.Host: is set for every request"),
    (proxy(headers={"Proxy-Authorization": "b"}), "http.proxy.headers.Proxy-Authorization: is set for every request"),
    (proxy(headers={"A": "b\nc"}), "http.proxy.headers.A: holds a line end"),
    (proxy(ca_file="/f"), "http.proxy.ca_file: has no effect on a proxy of http"),
    (proxy(exceptions=["a", ""]), "http.proxy.except[1]: is no host"),
    (proxy(exceptions=["*.example"]), "http.proxy.except[0]: is no host: write a name, .example for all names below it"),
    (proxy(exceptions=["10.0.0.0/33"]), "http.proxy.except[0]: is no range of addresses"),
    (proxy(exceptions=["shop:80"]), "http.proxy.except[0]: holds a port"),
    (proxy() | {"address_family": "ipv4"}, "http.address_family: has no effect through a proxy of http"),
    ({"resolver": "192.0.2.53"}, "http.resolver: is no address of a name server: write it like udp://192.0.2.53"),
    ({"resolver": "udp://dns.example"}, "http.resolver: is no address of a name server"),
    ({"resolver": "tls://192.0.2.53"}, "http.resolver: is no address of a name server"),
    ({"resolver": "udp://192.0.2.53:0"}, "http.resolver: is no address of a name server"),
    ({"resolver": "udp://192.0.2.53:99999"}, "http.resolver: is no address of a name server"),
    ({"resolver": "udp://192.0.2.53/x"}, "http.resolver: is no address of a name server"),
    ({"resolver": "udp://300.0.2.53"}, "http.resolver: is no address of a name server"),
    ({"digest_auth": DigestAuth(user="a:b", password="p")}, "http.digest_auth.user: holds a colon"),  # noqa: S106
    (DIGEST | {"bearer": "t"}, "http.digest_auth: bearer and digest_auth are given: keep one"),
    (DIGEST | oauth2(), "http.digest_auth: digest_auth and oauth2 are given: keep one"),
    (oauth2() | {"basic_auth": BasicAuth(user="u", password="p")}, "http.oauth2: basic_auth and oauth2 are given: keep one"),  # noqa: S106
    (oauth2() | {"headers": {"authorization": "x"}}, "http.oauth2: stands under headers, too, as Authorization"),
    (oauth2(token_url="id.example"), "http.oauth2.token_url: is no absolute URL"),  # noqa: S106
    (oauth2(token_url="https://id.example/t#x"), "http.oauth2.token_url: has a fragment"),  # noqa: S106
    (oauth2(client_secret=""), "http.oauth2.client_secret: is empty"),
    (oauth2(client_id=""), "http.oauth2.client_id: is empty"),
    (oauth2(scopes=["a b"]), "http.oauth2.scopes[0]: is no scope"),
    (oauth2(parameters={"scope": "x"}), "http.oauth2.parameters.scope: follows from the other keys"),
    (oauth2(tls=Tls(verify=False, ca_file="f")), "http.oauth2.tls.ca_file: has no effect"),
    (oauth2(token_url="http://id.example/t", tls=Tls(verify=False)), "http.oauth2.tls: has no effect on a token_url of http"),  # noqa: S106
]  # fmt: skip


@pytest.mark.parametrize(("fields", "said"), FAULTY)
def test_a_fault_is_said_with_its_place_and_shows_no_secret(fields, said):
    (problem,) = problems_of(**fields)

    assert problem.startswith(said)
    assert "canary" not in problem


WHOLE = {
    **proxy(headers={"X-Proxy-Token": "canary-of-a-header"}, **LOGIN),
    **oauth2(parameters={"api_key": "canary-of-a-field"}, token_url=f"{URL}?key=canary-of-a-query"),
}


@pytest.mark.parametrize("fields", [WHOLE, proxy("socks5://proxy", **LOGIN), DIGEST])
def test_no_secret_is_shown(fields):
    spec = Http(url=URL, **fields)
    target = Target(id="a", http=spec)
    mask = SecretMask()
    mask.learn(secrets_of([target]))
    document = masked(json.loads(dumps_of(spec)))

    for shown in (repr(spec), repr(target), *map(repr, fields.values()), json.dumps(document)):
        assert "canary" not in shown
    assert mask(f"it said {SECRET}, and canary-of-a-header") == mask("it said ***, and canary-of-a-header")
    assert "canary" not in mask(f"<{SECRET}>")


def dumps_of(spec):
    return msgspec.json.encode(spec)


def test_options_that_are_not_stated_take_no_bytes_of_a_message():
    said = json.loads(dumps_of(Http(url=URL)))

    assert not {"proxy", "resolver", "digest_auth", "oauth2"} & set(said)
    assert Http(url=URL).proxy is UNSET


def test_the_key_of_exceptions_is_the_word_of_files():
    said = json.loads(dumps_of(Http(url=URL, **proxy(exceptions=["a"]))))

    assert said["proxy"]["except"] == ["a"]
    with pytest.raises(ConfigurationError, match="expected a list"):
        Proxy(url="http://proxy", exceptions=5)


DOCUMENT = """
targets:
  - id: a
    http:
      url: https://shop.example/
      proxy: {{url: "https://proxy.example", ca_file: {file}}}
  - id: b
    http:
      url: https://shop.example/
      oauth2: {{token_url: "https://id.example/", client_id: me, client_secret: secret, tls: {{ca_file: {file}}}}}
"""


def test_files_are_meant_from_the_folder_of_the_configuration(tmp_path):
    examined = examine(DOCUMENT.format(file="gone.pem"), None, folder=tmp_path)

    assert [fault.problem.path[3:] for fault in examined.faults] == [
        ("proxy", "ca_file"),
        ("oauth2", "tls", "ca_file"),
    ]
    named = examine(DOCUMENT.format(file="ca.pem"), None, folder=tmp_path, looks_at_files=False).configuration
    assert named.targets[0].http.proxy.ca_file == str(tmp_path / "ca.pem")
