"""blackbox_exporter: the templates that its modules come to, and that every key of its reference is mapped or listed."""

import json

import pytest
from bringing import brought
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
        "tls_config": FILES | LATER,
        **FAMILY,
        **dict.fromkeys(("fail_if_body_json_matches_cel", "fail_if_body_json_not_matches_cel"), "body.a"),
        **dict.fromkeys(
            ("oauth2", "proxy_url", "no_proxy", "proxy_connect_header", "source_ip_address"), "x"
        ),
        **dict.fromkeys(("proxy_from_environment", "skip_resolve_phase_with_proxy", "use_proxy_dns"), True),
        **dict.fromkeys(("enable_http2", "enable_http3"), True),
    },
    "tcp": {
        "query_response": [],
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
    "grpc": {"tls": True},
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
                "fail_if_not_ssl": True,
                "fail_if_body_not_matches_regexp": ["Hello, (x|y). a"],
                "fail_if_header_matches": [{"header": "Set-Cookie", "regexp": "^a"}],
                "basic_auth": {"username": "u", "password_file": "/run/p"},
            },
        },
        http={"url": "https://shop.example/"},
    )
    assert not listed
    assert target.timeout == "5s"
    assert target.expect == (
        "[STATUS] == any(200, 301)",
        "[BODY] == matches((?-s)Hello, (x|y). a)",
        "[HEADERS].set-cookie != matches(^a)",
        "has([CERTIFICATE_EXPIRATION]) == true",
    )


@pytest.mark.parametrize(
    ("dialogue", "send", "expect", "conditions"),
    [
        ([{"expect": "^+OK"}], None, "+OK", ()),
        ([{"send": "PING"}, {"expect": "PONG"}], "PING\n", "PONG", ()),
        (
            [{"expect": "^SSH-2.0-"}, {"send": "SSH-2.0-check"}],
            "SSH-2.0-check\n",
            "SSH-2",
            ("[BODY] == matches((?-s)(?m)^SSH-2.0-)",),
        ),
        ([{"send": "HI"}, {"expect": "a|b"}], "HI\n", None, ("[BODY] == matches((?m)a|b)",)),
    ],
)
def test_a_dialogue_of_one_text_each_way_is_kept(dialogue, send, expect, conditions):
    listed, target = used(
        {"prober": "tcp", "tcp": {"query_response": dialogue}}, tcp={"host": "h", "port": 1}
    )
    assert not listed
    assert (target.tcp.send, target.tcp.expect, target.expect) == (send, expect, conditions)


def test_a_longer_dialogue_is_listed():
    dialogue = [{"send": "a"}, {"send": "b"}, {"expect": "c"}]
    listed, _ = used({"prober": "tcp", "tcp": {"query_response": dialogue}}, tcp={"host": "h", "port": 1})
    assert [*listed] == ["modules.m.tcp.query_response"]


def test_a_dialogue_that_begins_tls_becomes_a_handshake():
    dialogue = [{"expect": "^220"}, {"send": "EHLO prober"}, {"send": "STARTTLS"}, {"starttls": True}]
    listed, target = used(
        {"prober": "tcp", "tcp": {"query_response": dialogue}}, tls={"host": "h", "port": 25}
    )
    assert not listed
    assert target.tls.starttls == "smtp"


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


def test_a_dialogue_behind_the_handshake_is_listed():
    dialogue = [{"send": "EHLO prober"}, {"send": "STARTTLS"}, {"starttls": True}, {"expect": "^250-AUTH"}]
    listed, target = used(
        {"prober": "tcp", "tcp": {"query_response": dialogue}}, tls={"host": "h", "port": 25}
    )
    assert [*listed] == ["modules.m.tcp.query_response"]
    assert target.tls.starttls == "smtp"


@pytest.mark.parametrize(
    ("rule", "expected", "count"),
    [
        ({"regexp": ".*", "allow_missing": True}, ("has([HEADERS].a) == false",), 0),
        ({"regexp": "b", "allow_missing": True}, (), 1),
        ({"regexp": "b"}, ("[HEADERS].a != matches(b)",), 0),
    ],
)
def test_a_header_that_may_be_missing_must_have_no_text_or_is_listed(rule, expected, count):
    module = {"accept_any_response": True, "fail_if_header_matches": [{"header": "A"} | rule]}
    listed, target = used({"prober": "http", "http": module}, http={"url": "http://a/"})
    assert target.expect == ("[CONNECTED] == true", *expected)
    assert len(listed) == count


def test_a_prober_without_options_is_kept():
    made, _ = brought("blackbox", "modules:\n  m:\n    prober: http\n    http:\n")
    assert (made.templates, made.notes) == (1, ())


def test_a_prober_without_a_counterpart_is_listed_once():
    made, _ = brought("blackbox", "modules: {a: {prober: grpc, grpc: {tls: true}}}\n")
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
        assert key.replace("NAME", prober) in listed or f"modules.{prober}" in listed, key
    stated = {f"modules.NAME.{prober}.{key}" for prober, keys in EVERY_KEY.items() for key in keys}
    named = {".".join(key.split(".")[:4]) for key in [*MAPPED, *LEFT] if key.count(".") > 2}
    assert {key for key in stated if "grpc" not in key and "unix" not in key} <= named
    assert not set(LEFT) & set(MAPPED)
