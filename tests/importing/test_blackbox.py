"""blackbox_exporter: the templates that its modules come to, and that every key of its reference is mapped or listed."""

import json

import pytest
from bringing import brought
from msgspec import UNSET
from watchkeeper.adapters.configuration.loading import examine
from watchkeeper.adapters.importing.blackbox.keys import LEFT, MAPPED

REGULAR = {
    f"validate_{part}_rrs": {"fail_if_matches_regexp": ["a"]}
    for part in ("answer", "authority", "additional")
}
FILES = {
    "ca_file": "a.pem",
    "cert_file": "b.pem",
    "key_file": "c.pem",
    "server_name": "s",
    "insecure_skip_verify": True,
}
FAMILY = {"preferred_ip_protocol": "ip4", "ip_protocol_fallback": False}
LATER = {"min_version": "TLS12", "max_version": "TLS13"}
EVERY_KEY = {
    "http": {
        "valid_status_codes": [200],
        "accept_any_response": False,
        "valid_http_versions": ["HTTP/1.1"],
        "method": "post",
        "headers": {"A": "b"},
        "http_headers": {"C": {"values": ["d"], "secrets": ["e"], "files": ["f"]}},
        "body": "b",
        "body_file": "/b",
        "body_size_limit": "1MB",
        "compression": "gzip",
        "follow_redirects": False,
        "no_follow_redirects": True,
        "fail_if_ssl": False,
        "fail_if_not_ssl": True,
        "fail_if_body_matches_regexp": ["bad"],
        "fail_if_body_not_matches_regexp": ["good."],
        "fail_if_header_matches": [{"header": "A", "regexp": "b"}],
        "fail_if_header_not_matches": [{"header": "A", "regexp": "c"}],
        "basic_auth": {"username": "u", "password": "p"},
        "authorization": {"type": "Token", "credentials": "c"},
        "bearer_token": "t",
        "bearer_token_file": "/run/t",
        "tls_config": FILES | LATER,
        **FAMILY,
        **dict.fromkeys(("fail_if_body_json_matches_cel", "fail_if_body_json_not_matches_cel"), "body.a"),
        "oauth2": {
            "client_id": "c",
            "client_secret_file": "/run/secret",
            "token_url": "https://login.example/token",
            "scopes": ["read"],
            "endpoint_params": {"grant_type": "client_credentials", "audience": "a"},
            "tls_config": {"insecure_skip_verify": True},
            "proxy_url": "http://proxy.example",
        },
        "proxy_url": "http://u:p@proxy.example:3128",
        "no_proxy": "10.0.0.0/8, .internal",
        "proxy_connect_header": {"Proxy-Authorization": ["Bearer t"]},
        "source_ip_address": "1.1.1.1",
        **dict.fromkeys(("proxy_from_environment", "skip_resolve_phase_with_proxy", "use_proxy_dns"), True),
        **dict.fromkeys(("enable_http2", "enable_http3"), True),
        "fail_if_matches_regexp": ["a"],
        "fail_if_not_matches_regexp": ["a"],
    },
    "tcp": {
        "query_response": [
            {"expect": "^a", "send": "b", "starttls": False, "labels": [{"name": "a", "value": "b"}]}
        ],
        "tls": True,
        "tls_config": FILES | LATER,
        "source_ip_address": "1.1.1.1",
        **FAMILY,
    },
    "dns": {
        "query_name": "a.example",
        "query_type": "A",
        "query_class": "IN",
        "transport_protocol": "tcp",
        "dns_over_tls": True,
        "recursion_desired": False,
        "valid_rcodes": ["NOERROR"],
        "tls_config": FILES | LATER,
        "source_ip_address": "1.1.1.1",
        **REGULAR,
        **FAMILY,
    },
    "icmp": {"payload_size": 64, "ttl": 9, "dont_fragment": True, "source_ip_address": "1.1.1.1", **FAMILY},
    "grpc": {
        "service": "shop.Orders",
        "tls": True,
        "tls_config": FILES | LATER,
        "source_ip_address": "1.1.1.1",
        **FAMILY,
    },
    "unix": {"query_response": []},
}


def used(module, **keys):
    """The reasons of a module, and a target that uses its template."""
    made, _ = brought("blackbox", json.dumps({"modules": {"m": module}}))
    text = made.text + f"\ntargets: [{json.dumps({'id': 't', 'use': 'm', **keys})}]\n"
    examined = examine(text, None, folder=None, looks_at_files=False)
    assert not examined.faults
    return {note.key: note.reason for note in made.notes}, examined.configuration.targets[0]


def test_a_module_becomes_a_template_with_its_name_and_comment():
    made, _ = brought("blackbox", "modules:\n  http_2xx:  # plain\n    prober: http\n    timeout: 5s\n")
    assert not made.notes
    assert "  http_2xx:  # plain\n" in made.text
    assert made.templates == 1


def test_an_http_module_keeps_what_it_demands():
    listed, target = used(
        {
            "prober": "http",
            "timeout": "5s",
            "http": {
                "valid_status_codes": [200, 301],
                "valid_http_versions": ["HTTP/1.1", "HTTP/2.0"],
                "fail_if_not_ssl": True,
                "fail_if_body_not_matches_regexp": ["Hello, (x|y). a"],
                "fail_if_header_matches": [{"header": "Set-Cookie", "regexp": "^a"}],
                "fail_if_header_not_matches": [{"header": "X-A", "regexp": "b", "allow_missing": True}],
                "basic_auth": {"username": "u", "password_file": "/run/p"},
                "compression": "gzip",
                "headers": {"Accept-Encoding": "gzip"},
            },
        },
        http={"url": "https://shop.example/"},
    )
    assert not listed
    assert target.timeout == "5s"
    assert target.expect == ("[STATUS] == any(200, 301)", "[BODY] == matches((?-s)Hello, (x|y). a)")
    http = target.http
    assert (http.versions, http.encryption, http.compression, http.headers) == (
        ("1.1", "2"),
        "required",
        "gzip",
        (),
    )
    assert [
        (rule.header, rule.matches, rule.not_matches, rule.may_be_missing) for rule in http.header_rules
    ] == [
        ("Set-Cookie", None, "^a", False),
        ("X-A", "b", None, True),
    ]


def test_a_proxy_and_a_token_are_kept():
    module = {
        "proxy_url": "http://u:p%40@proxy.example:3128",
        "no_proxy": "10.0.0.0/8, .internal",
        "proxy_connect_header": {"X-A": ["b", "c"]},
        "oauth2": {
            "client_id": "c",
            "client_secret": "s",
            "token_url": "https://login.example/token",
            "endpoint_params": {"grant_type": "client_credentials", "audience": "a"},
        },
    }
    listed, target = used({"prober": "http", "http": module}, http={"url": "https://shop.example/"})
    assert not listed
    proxy, token = target.http.proxy, target.http.oauth2
    assert (proxy.url, proxy.user, proxy.password) == ("http://proxy.example:3128", "u", "p@")
    assert (proxy.headers, proxy.exceptions) == ((("X-A", "b, c"),), ("10.0.0.0/8", ".internal"))
    assert (token.client_id, token.client_secret, token.parameters) == ("c", "s", (("audience", "a"),))


@pytest.mark.parametrize(
    ("text", "login"), [("Basic dTpwOnE=", ("u", "p:q")), ("Bearer t", None), ("Basic ?", None)]
)
def test_a_login_at_a_proxy_is_no_header(text, login):
    module = {"proxy_url": "http://proxy.example", "proxy_connect_header": {"Proxy-Authorization": [text]}}
    listed, target = used({"prober": "http", "http": module}, http={"url": "https://shop.example/"})
    proxy = target.http.proxy
    assert bool(listed) == (login is None)
    assert not proxy.headers
    assert (proxy.user, proxy.password) == (login or (UNSET, UNSET))


@pytest.mark.parametrize(
    ("keys", "versions"),
    [
        ({"enable_http2": True}, None),
        ({"enable_http2": False}, ("1.0", "1.1")),
        ({"enable_http2": False, "enable_http3": True}, ("3",)),
        ({"valid_http_versions": ["HTTP/2"]}, ("2",)),
    ],
)
def test_versions_that_any_answer_has_are_not_written(keys, versions):
    listed, target = used({"prober": "http", "http": keys}, http={"url": "https://shop.example/"})
    assert not listed
    assert (target.http.versions or None) == versions


@pytest.mark.parametrize(
    ("keys", "family"),
    [
        ({"preferred_ip_protocol": "ip4"}, "prefer_ipv4"),
        ({"preferred_ip_protocol": "ip6"}, "prefer_ipv6"),
        ({"preferred_ip_protocol": "ip4", "ip_protocol_fallback": False}, "ipv4"),
        ({"ip_protocol_fallback": False}, "ipv6"),
        ({}, "any"),
    ],
)
@pytest.mark.parametrize(
    ("prober", "probe"),
    [
        ("http", {"http": {"url": "https://h.example/"}}),
        ("icmp", {"icmp": {"host": "h.example"}}),
        ("tcp", {"tcp": {"host": "h.example", "port": 1}}),
    ],
)
def test_a_family_of_addresses_is_preferred_as_there(prober, probe, keys, family):
    listed, target = used({"prober": prober, prober: keys}, **probe)
    assert not listed
    assert target.probe.address_family == family


def test_a_preferred_family_fits_a_host_that_is_an_address():
    module = {"prober": "icmp", "icmp": {"preferred_ip_protocol": "ip4"}}
    for address in ("192.0.2.1", "2001:db8::1"):
        listed, target = used(module, icmp={"host": address})
        assert not listed
        assert target.icmp.address_family == "prefer_ipv4"


@pytest.mark.parametrize(
    ("dialogue", "steps"),
    [
        ([{"expect": "^+OK"}], [(None, r"^\+OK", False)]),
        ([{"send": "PING"}, {"expect": "PONG"}], [("PING\n", "PONG", False)]),
        (
            [{"expect": "^SSH-2.0-"}, {"send": "SSH-2.0-check"}],
            [(None, "^SSH-2.0-", False), ("SSH-2.0-check\n", None, False)],
        ),
        (
            [{"send": "a"}, {"send": "b"}, {"expect": "c"}],
            [("a\n", None, False), ("b\n", "c", False)],
        ),
        (
            [{"expect": r"PING ([(]x)? :([^ ]+) \((a)\)", "send": "PONG ${2} $$ $3"}],
            [
                (None, r"PING ([(]x)? :(?P<step0_2>[^ ]+) \((?P<step0_3>a)\)", False),
                ("PONG {{step0_2}} $ {{step0_3}}\n", None, False),
            ],
        ),
        (
            [{"expect": "(?P<who>a)(?:b)", "send": "${who} ${1} ${9}"}],
            [(None, "(?P<who>a)(?:b)", False), ("{{who}} {{who}} \n", None, False)],
        ),
        (
            [
                {"send": "STARTTLS\r"},
                {"expect": "^220"},
                {"starttls": True},
                {"send": "EHLO a\r"},
                {"expect": "^250-AUTH"},
            ],
            [("STARTTLS\r\n", "^220", True), ("EHLO a\r\n", "^250-AUTH", False)],
        ),
    ],
)
def test_a_dialogue_is_kept_step_by_step(dialogue, steps):
    listed, target = used(
        {"prober": "tcp", "tcp": {"query_response": dialogue}}, tcp={"host": "h", "port": 1}
    )
    assert not listed
    assert [(each.send, each.expect, each.starttls) for each in target.tcp.dialogue] == steps
    assert bool(target.tcp.tls) == any(step[2] for step in steps)


def test_a_dialogue_by_tls_has_tls_from_its_first_byte():
    tcp = {
        "query_response": [{"expect": "^220"}],
        "tls": True,
        "tls_config": {"insecure_skip_verify": True, "ca_file": "a"},
    }
    listed, target = used({"prober": "tcp", "tcp": tcp}, tcp={"host": "h", "port": 1})
    assert not listed
    assert target.tcp.tls.verify is False
    assert not target.tcp.begins_in_clear


def test_a_dialogue_that_ends_with_a_handshake_becomes_one():
    dialogue = [{"expect": "^220"}, {"send": "EHLO prober"}, {"send": "STARTTLS"}, {"starttls": True}]
    listed, target = used(
        {"prober": "tcp", "tcp": {"query_response": dialogue}}, tls={"host": "h", "port": 25}
    )
    assert not listed
    assert target.tls.starttls == "smtp"


def test_labels_of_an_answer_are_listed():
    step = {"expect": "^SSH-2.0-([^ ]+)", "labels": [{"name": "v", "value": "${1}"}]}
    listed, target = used({"prober": "tcp", "tcp": {"query_response": [step]}}, tcp={"host": "h", "port": 22})
    assert listed == {"modules.m.tcp.query_response[0].labels": "no label is made of an answer"}
    assert target.tcp.dialogue[0].expect == "^SSH-2.0-([^ ]+)"


def test_the_oldest_version_of_tls_is_kept():
    tls = {"min_version": "TLS13", "server_name": "a.example"}
    listed, target = used(
        {"prober": "tcp", "tcp": {"tls": True, "tls_config": tls}}, tls={"host": "h", "port": 1}
    )
    assert not listed
    assert (target.tls.tls.minimum_version, target.tls.tls.server_name) == ("1.3", "a.example")


def test_a_question_to_the_health_service_is_kept():
    module = {"prober": "grpc", "grpc": {"service": "shop.Orders", "tls": True}}
    listed, target = used(module, grpc={"host": "h", "port": 443})
    assert not listed
    assert (target.grpc.service, target.grpc.tls.verify) == ("shop.Orders", True)


def test_records_are_judged_as_there():
    rules = {"fail_if_matches_regexp": ["a"], "fail_if_all_match_regexp": ["b"]}
    rules |= {"fail_if_not_matches_regexp": ["c"], "fail_if_none_matches_regexp": ["d"]}
    listed, target = used(
        {"prober": "dns", "dns": {"query_name": "a.example", "validate_answer_rrs": rules}},
        dns={"server": "192.0.2.1"},
    )
    assert not listed
    answer = target.dns.answer
    assert (answer.none_match, answer.not_all_match, answer.all_match, answer.any_match) == (
        ("a",),
        ("b",),
        ("c",),
        ("d",),
    )


def test_a_prober_without_options_is_kept():
    made, _ = brought("blackbox", "modules:\n  m:\n    prober: http\n    http:\n")
    assert (made.templates, made.notes) == (1, ())


def test_a_prober_without_a_counterpart_is_listed_once():
    made, _ = brought("blackbox", "modules: {a: {prober: unix, unix: {query_response: []}}}\n")
    assert [note.key for note in made.notes] == ["modules.a"]


def test_every_key_of_the_reference_is_mapped_or_listed():
    modules = {
        prober: {"prober": prober, "timeout": "5s", prober: keys} for prober, keys in EVERY_KEY.items()
    }
    made, _ = brought("blackbox", json.dumps({"modules": modules}))
    listed = {note.key for note in made.notes}
    assert not [note for note in made.notes if "does not know" in note.reason]
    for key in LEFT:
        prober = key.split(".")[2]
        name = key.replace("NAME", prober).replace("[]", "[0]")
        assert name in listed or f"modules.{prober}" in listed, key
    stated = {f"modules.NAME.{prober}.{key}" for prober, keys in EVERY_KEY.items() for key in keys}
    named = {".".join(key.split(".")[:4]) for key in [*MAPPED, *LEFT] if key.count(".") > 2}
    assert {key for key in stated if "unix" not in key} <= named
    assert not set(LEFT) & set(MAPPED)
    named = {key for key in (*MAPPED, *LEFT) if key.count(".") == 3 and "[]" not in key}
    assert named <= stated
