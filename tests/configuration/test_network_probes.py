"""The specifications of network probes: their problems, their conditions, and everything that is shown of them."""

import pytest
from hostile.records import RecordServer, reply
from msgspec import UNSET
from msgspec.structs import replace
from seeing import sample
from watched import watching
from watchkeeper import (
    Dns,
    DnsRecords,
    Grpc,
    Icmp,
    Imap,
    Mqtt,
    Mysql,
    Postgres,
    Redis,
    Smtp,
    Ssh,
    Target,
    Tcp,
    Tls,
    TlsHandshake,
    Udp,
    WebSocket,
)
from watchkeeper.adapters.expectations import Expectations
from watchkeeper.adapters.extras import library_problem, missing_libraries
from watchkeeper.adapters.masking import secrets_of
from watchkeeper.domain.specification.configuration import Configuration
from watchkeeper.domain.specification.probes.dns import ANY_RCODE
from watchkeeper.domain.specification.probes.kinds import NETWORK_KINDS
from watchkeeper.domain.specification.probes.networked import Library
from watchkeeper.domain.validation.partial import judged_target
from watchkeeper.web.pages.watched.target import what_is_checked

HANDSHAKE = TlsHandshake(host="mail.example", port=587, starttls="smtp")
PROBES = {
    "tls": HANDSHAKE,
    "dns": Dns(name="shop.example", type="MX", server="192.0.2.53"),
    "icmp": Icmp(host="192.0.2.1"),
    "udp": Udp(host="play.example", port=27_015, send="status"),
    "redis": Redis(host="store.example", command=["llen", "jobs"]),
    "ssh": Ssh(host="gate.example"),
    "smtp": Smtp(host="mail.example"),
    "websocket": WebSocket(url="wss://shop.example/live?key=7", send="ping"),
    "grpc": Grpc(host="shop.example", port=443, service="shop.Orders"),
    "imap": Imap(host="mail.example"),
    "mqtt": Mqtt(host="broker.example", topic="shop/orders"),
    "postgres": Postgres(host="data.example", user="watch", database="shop"),
    "mysql": Mysql(host="data.example", user="watch"),
}

CONDITIONS = {
    "CONNECTED": "[CONNECTED] == true",
    "RESPONSE_TIME": "[RESPONSE_TIME] < 500",
    "IP": "[IP] == 192.0.2.1",
    "BODY": "[BODY].data[0] == 7",
    "DNS_RCODE": "[DNS_RCODE] == NOERROR",
    "CERTIFICATE": "[CERTIFICATE].chain_expiration > 48h",
    "CERTIFICATE_EXPIRATION": "[CERTIFICATE_EXPIRATION] > 48h",
}


def problems_of(expect=(), **probe):
    return [str(each) for each in judged_target(Target(id="a", expect=expect, **probe), channels=())[1]]


@pytest.mark.parametrize("kind", PROBES)
def test_a_probe_has_no_problem_with_the_facts_that_it_gives(kind):
    expect = [CONDITIONS[fact] for fact in sorted(NETWORK_KINDS[kind].facts)]
    assert problems_of(expect, **{kind: PROBES[kind]}) == []


FAULTY = [
    ({"tls": TlsHandshake(host="https://h", port=1)}, "tls.host: is a URL"),
    ({"tls": TlsHandshake(host="192.0.2.1", port=1, address_family="ipv6")}, "tls.address_family: is ipv6"),
    ({"tls": TlsHandshake(host="h", port=1, tls=Tls(verify=False, ca_file="f"))}, "tls.tls.ca_file: has no effect"),
    ({"tls": TlsHandshake(host="h", port=1, minimum_version="1.3", tls=Tls(minimum_version="1.2"))}, "tls.minimum_version: stands under tls.minimum_version"),
    ({"dns": Dns(name="a..b")}, "dns.name: is no name"),
    ({"dns": Dns(name="192.0.2.1")}, "dns.name: is an address, which only a PTR question may have"),
    ({"dns": Dns(name="a", server="h:53")}, "dns.server: holds a port"),
    ({"dns": Dns(name="a", tls=Tls(verify=False))}, "dns.tls: has no effect without transport: tls"),
    ({"dns": Dns(name="a", answer=DnsRecords(any_match=["("]))}, "dns.answer.any_match[0]: the pattern '(' cannot be used"),
    (
        {"icmp": Icmp(host="192.0.2.1", count=20), "timeout": "1s"},
        "icmp.count: 20 requests, 100ms apart, take 1.9s, and the attempt ends by then: write fewer, or a longer timeout",
    ),
    (
        {"icmp": Icmp(host="192.0.2.1", count=2), "every": "100ms"},
        "icmp.count: 2 requests, 100ms apart, take 100ms, and the attempt ends by then: write fewer, or a longer every",
    ),
    ({"icmp": Icmp(host="")}, "icmp.host: is empty"),
    ({"udp": Udp(host="h", port=1, send="x", expect="")}, "udp.expect: an empty text is in every answer"),
    ({"smtp": Smtp(host="h:1")}, "smtp.host: holds a port"),
    ({"smtp": Smtp(host="h", user="u")}, "smtp.user: has no effect without a password"),
    ({"smtp": Smtp(host="h", password="p")}, "smtp.password: has no effect without a user"),  # noqa: S106
    ({"smtp": Smtp(host="h", user="u", password="p", encryption="none")}, "smtp.password: would be sent in clear"),  # noqa: S106
    ({"smtp": Smtp(host="h", encryption="none", tls=Tls(verify=False))}, "smtp.tls: has no effect with encryption: none"),
    ({"smtp": Smtp(host="h", tls=Tls(verify=False, ca_file="f"))}, "smtp.tls.ca_file: has no effect"),
    ({"websocket": WebSocket(url="https://h/")}, "websocket.url: has the scheme 'https': only ws and wss are possible"),
    ({"websocket": WebSocket(url="h/live")}, "websocket.url: is no absolute URL: write it like wss://example.org/live"),
    ({"websocket": WebSocket(url="ws://u:p@h/")}, "websocket.url: holds a user name or a password: write them in a header"),
    ({"websocket": WebSocket(url="ws://h/#a")}, "websocket.url: holds a fragment"),
    ({"websocket": WebSocket(url="ws://h:0/")}, "websocket.url: has a port that is none"),
    ({"websocket": WebSocket(url="ws://[h]/")}, "websocket.url: has a host that"),
    ({"websocket": WebSocket(url="ws://192.0.2.1/", address_family="ipv6")}, "websocket.address_family: is ipv6"),
    ({"websocket": WebSocket(url="ws://h/", headers={"Upgrade": "x"})}, "websocket.headers.Upgrade: is set for every request"),
    ({"websocket": WebSocket(url="ws://h/", subprotocols=["a b"])}, "websocket.subprotocols[0]: is no name of a subprotocol"),
    ({"websocket": WebSocket(url="ws://h/", subprotocols=["a", "a"])}, "websocket.subprotocols[1]: stands twice"),
    ({"websocket": WebSocket(url="ws://h/", expect="(")}, "websocket.expect: the pattern '(' cannot be used"),
    ({"websocket": WebSocket(url="ws://h/", expect="(ab|cd){200}")}, "websocket.expect: the pattern has"),
    ({"websocket": WebSocket(url="ws://h/", tls=Tls(verify=False))}, "websocket.tls: has no effect with ws://"),
    ({"websocket": WebSocket(url="wss://h/", tls=Tls(verify=False, ca_file="f"))}, "websocket.tls.ca_file: has no effect"),
    ({"grpc": Grpc(host="h:1", port=1)}, "grpc.host: holds a port"),
    ({"grpc": Grpc(host="h", port=1, tls=Tls(verify=False, ca_file="f"))}, "grpc.tls.ca_file: has no effect"),
    ({"grpc": Grpc(host="h", port=1, metadata={"X-Token": "a"})}, "grpc.metadata.X-Token: is no name of metadata"),
    ({"grpc": Grpc(host="h", port=1, metadata={"grpc-timeout": "1S"})}, "grpc.metadata.grpc-timeout: is set for every call"),
    ({"grpc": Grpc(host="h", port=1, metadata={"te": "x"})}, "grpc.metadata.te: is set for every call"),
    ({"grpc": Grpc(host="h", port=1, metadata={"a": "ü"})}, "grpc.metadata.a: holds another character"),
    ({"imap": Imap(host="h:1")}, "imap.host: holds a port"),
    ({"imap": Imap(host="h", user="u")}, "imap.user: has no effect without a password"),
    ({"imap": Imap(host="h", user="u", password="p", encryption="none")}, "imap.password: would be sent in clear"),  # noqa: S106
    ({"imap": Imap(host="h", encryption="none", tls=Tls(verify=False))}, "imap.tls: has no effect with encryption: none"),
    ({"imap": Imap(host="h", user="u\0", password="p")}, "imap.user: holds a character 0"),  # noqa: S106
    ({"mqtt": Mqtt(host="")}, "mqtt.host: is empty"),
    ({"mqtt": Mqtt(host="h", password="p")}, "mqtt.password: has no effect without a user"),  # noqa: S106
    ({"mqtt": Mqtt(host="h", expect="x")}, "mqtt.expect: has no effect without a topic"),
    ({"mqtt": Mqtt(host="h", publish="x")}, "mqtt.publish: has no effect without a topic"),
    ({"mqtt": Mqtt(host="h", topic="t", expect="")}, "mqtt.expect: an empty text is in every message"),
    ({"mqtt": Mqtt(host="h", topic="a#")}, "mqtt.topic: holds # in another place"),
    ({"mqtt": Mqtt(host="h", topic="#/a")}, "mqtt.topic: holds # in another place"),
    ({"mqtt": Mqtt(host="h", topic="a/b+/c")}, "mqtt.topic: holds + beside other characters"),
    ({"mqtt": Mqtt(host="h", topic="a/+", publish="x")}, "mqtt.topic: holds a wildcard"),
    ({"mqtt": Mqtt(host="h", topic="a\0")}, "mqtt.topic: holds a character 0"),
    ({"mqtt": Mqtt(host="h", tls=Tls(verify=False, ca_file="f"))}, "mqtt.tls.ca_file: has no effect"),
    ({"postgres": Postgres(host="h", user="")}, "postgres.user: is empty"),
    ({"postgres": Postgres(host="h", user="u", database="")}, "postgres.database: is empty"),
    ({"postgres": Postgres(host="h", user="u", query=" ")}, "postgres.query: is empty"),
    ({"postgres": Postgres(host="h", user="u", query="SELECT '\0'")}, "postgres.query: holds a character 0"),
    ({"postgres": Postgres(host="h", user="u", tls=Tls(verify=False, ca_file="f"))}, "postgres.tls.ca_file: has no effect"),
    ({"mysql": Mysql(host="https://h", user="u")}, "mysql.host: is a URL"),
    ({"mysql": Mysql(host="h", user="")}, "mysql.user: is empty"),
    ({"mysql": Mysql(host="h", user="u", password="p\0")}, "mysql.password: holds a character 0"),  # noqa: S106
    ({"ssh": Ssh(host="")}, "ssh.host: is empty"),
    ({"ssh": Ssh(host="h", fingerprints=["SHA256:short"])}, "ssh.fingerprints[0]: is no fingerprint"),
    ({"redis": Redis(host="h:1")}, "redis.host: holds a port"),
    ({"redis": Redis(host="h", user="u")}, "redis.user: has no effect without a password"),
    ({"redis": Redis(host="h", command=[""])}, "redis.command[0]: is empty"),
    ({"redis": Redis(host="h", command=["auth", "x"])}, "redis.command[0]: is a login"),
    ({"redis": Redis(host="h", tls=Tls(verify=False, ca_file="f"))}, "redis.tls.ca_file: has no effect"),
]  # fmt: skip


@pytest.mark.parametrize(("probe", "said"), FAULTY)
def test_a_fault_of_a_probe_is_said_with_its_place(probe, said):
    (problem,) = problems_of(**probe)
    assert problem.startswith(said)


@pytest.mark.parametrize("kind", PROBES)
def test_a_fact_that_no_such_probe_gives_is_refused(kind):
    (problem,) = problems_of(["[STATUS] == 200"], **{kind: PROBES[kind]})
    assert f"a probe of {kind} gives no [STATUS]" in problem


SHOWN = {
    "tls": "TLS mail.example:587 after STARTTLS of smtp",
    "dns": "DNS MX shop.example at 192.0.2.53 by UDP",
    "icmp": "icmp 192.0.2.1",
    "udp": "UDP play.example:27015",
    "redis": "Redis store.example:6379 LLEN",
    "ssh": "SSH gate.example:22",
    "smtp": "SMTP mail.example:587",
    "websocket": "WebSocket wss://shop.example/live?…",
    "grpc": "gRPC health of shop.Orders at shop.example:443",
    "imap": "IMAP mail.example:993",
    "mqtt": "MQTT broker.example:1883 shop/orders",
    "postgres": "PostgreSQL data.example:5432/shop",
    "mysql": "MySQL data.example:3306",
}


@pytest.mark.parametrize("kind", PROBES)
def test_the_page_says_what_is_checked(kind):
    assert what_is_checked(Target(id="a", **{kind: PROBES[kind]})) == SHOWN[kind]


def test_secrets_of_a_probe_are_masked():
    locked = Tls(certificate_file="c", key_password="sesame-sesame")  # noqa: S106
    targets = [
        Target(id="a", tls=TlsHandshake(host="h", port=1, tls=locked)),
        Target(id="b", udp=Udp(host="h", port=1, send="AUTH hunter2")),
        Target(id="c", tcp=Tcp(host="h", port=1, send="AUTH hunter3")),
        Target(id="d", redis=Redis(host="h", password="hunter4", tls=locked)),  # noqa: S106
        Target(id="e", smtp=Smtp(host="h", user="u", password="hunter5")),  # noqa: S106
        Target(
            id="f",
            websocket=WebSocket(
                url="wss://h/?key=hunter6", headers={"X-Token": "hunter7"}, send="AUTH hunter8"
            ),
        ),
        Target(id="g", grpc=Grpc(host="h", port=1, metadata={"authorization": "Bearer hunter9"})),
        Target(id="j", imap=Imap(host="h", user="u", password="hunter10")),  # noqa: S106
        Target(id="k", mqtt=Mqtt(host="h", user="u", password="hunter11", tls=locked)),  # noqa: S106
        Target(id="j", postgres=Postgres(host="h", user="u", password="hunter12", tls=locked)),  # noqa: S106
        Target(id="k", mysql=Mysql(host="h", user="u", password="hunter13", tls=locked)),  # noqa: S106
    ]
    known = set(secrets_of(targets))
    logins = {"\0u\0hunter5", "\0u\0hunter10"}
    assert {"sesame-sesame", *logins, *(f"hunter{number}" for number in range(2, 14))} <= known


def test_a_condition_on_a_message_needs_one_that_is_awaited():
    (problem,) = problems_of(["[BODY] == a"], websocket=WebSocket(url="ws://h/"))

    assert "no message is read: write send or expect under websocket" in problem


@pytest.mark.parametrize("kind", [kind for kind, probe in PROBES.items() if hasattr(probe, "tls")])
def test_the_pass_phrase_of_a_key_is_masked_whichever_kind_has_it(kind):
    probe = replace(PROBES[kind], tls=Tls(key_password="sesame-sesame"))  # noqa: S106

    assert "sesame-sesame" in {*probe.secrets()}
    assert "sesame-sesame" not in repr(probe)


def test_a_condition_on_the_code_takes_any_code():
    asked = Expectations()(Target(id="a", dns=Dns(name="a"), expect=["[DNS_RCODE] == NXDOMAIN"]))
    plain = Expectations()(Target(id="a", dns=Dns(name="a"), expect=["[RESPONSE_TIME] < 500"]))

    assert asked.asked_of(Dns(name="a")).rcodes == ANY_RCODE
    assert asked.asked_of(Dns(name="a", rcodes=["NOERROR"])).rcodes == ("NOERROR",)
    assert plain.asked_of(Dns(name="a")).rcodes is None


@pytest.mark.parametrize(("expect", "outcome"), [(["[DNS_RCODE] == NXDOMAIN"], "up"), ([], "down")])
def test_a_runtime_judges_the_code_as_the_conditions_say(tmp_path, expect, outcome):
    with RecordServer(lambda question: reply(question, code=3)) as server:
        probe = {"dns": {"name": "gone.example", "server": "127.0.0.1", "port": server.port}}
        assert sample(tmp_path, watching(probe, expect=expect))[0] == outcome


def test_a_probe_without_its_library_is_named_with_what_to_install():
    (problem,) = library_problem(Library("installed_nowhere", "Lib", "lib"), ("targets", 0, "tls"))

    assert str(problem) == "targets[0].tls: Lib is not installed: pip install 'watchkeeper[lib]'"
    assert not [*library_problem(Library("json", "JSON", "lib"), ())]
    assert not [*missing_libraries(Configuration(targets=[Target(id="a", tls=HANDSHAKE)]))]


def test_a_probe_that_is_not_given_takes_no_bytes():
    assert Target(id="a", tcp=Tcp(host="h", port=1)).dns is UNSET
