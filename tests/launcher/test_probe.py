"""`probe`: its exact output against servers of this machine, its exit statuses, and what it keeps to itself."""

import json
import re
import socket
import ssl

import pytest
import trustme

from tests.launcher.answering import TOKEN, serving


@pytest.fixture
def silent():
    """The port of a server that accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def steady(text, *ports):
    """The output with its lengths of time as N and its ports as PORT."""
    for number in ports:
        text = text.replace(f":{number}", ":PORT")
    return re.sub(r" +\d+\.\d ms", " N ms", re.sub(r"after \d+ ms", "after N ms", text))


def test_a_url_is_probed_phase_by_phase(probe, port):
    status, says = probe(f"http://127.0.0.1:{port}/")
    assert (status, steady(says, port)) == (
        0,
        "connect N ms  127.0.0.1:PORT\nanswer N ms  HTTP/1.1 200, 13 bytes, text/html\nup\n",
    )
    assert re.match(r"connect {1,4}\d+\.\d ms  127", says)


def test_a_name_shows_its_addresses(probe, port):
    status, says = probe(f"http://localhost:{port}/")
    first = steady(says, port).splitlines()[0]
    assert (status, first.startswith("name N ms  localhost -> "), "127.0.0.1" in first) == (0, True, True)


def test_an_answer_without_conditions_is_judged_by_its_status(probe, port):
    status, says = probe(f"http://127.0.0.1:{port}/busy")
    assert status == 1
    assert steady(says, port).splitlines()[1:] == [
        "answer N ms  HTTP/1.1 503, 21 bytes, application/json",
        "down: unexpected_answer: HTTP 503",
    ]


def test_a_warning_is_no_failure_and_no_success(probe, port):
    warn = '["[HEADERS].content-type == pat(text/html*)", "[RESPONSE_TIME] < 0.001"]'
    shop = (
        f'{{id: shop, http: {{url: "http://127.0.0.1:{port}/"}}, expect: ["[STATUS] == 2xx"], warn: {warn}}}'
    )
    status, says = probe("shop", targets=f"  - {shop}\n")
    assert (status, re.sub(r"\(\d+(\.\d+)?\)", "(N)", steady(says, port)).splitlines()[2:]) == (
        1,
        [
            "  ok  [STATUS] (N) == 2xx",
            "  ok  [HEADERS].content-type (text/html; charset=utf-8) == pat(text/html*)",
            "  warn  [RESPONSE_TIME] (N) < 0.001",
            "degraded: condition_failed",
        ],
    )


def test_each_condition_of_a_target_shows_what_it_saw(probe, port):
    expect = '["[STATUS] == 200", "[BODY].status == failing", "[CONNECTED] == true", "[BODY].none == 1"]'
    status, says = probe(
        "shop", targets=f'  - {{id: shop, http: {{url: "http://127.0.0.1:{port}/busy"}}, expect: {expect}}}\n'
    )
    assert (status, steady(says, port)) == (
        1,
        (
            "connect N ms  127.0.0.1:PORT\n"
            "answer N ms  HTTP/1.1 503, 21 bytes, application/json\n"
            "  no  [STATUS] (503) == 200\n"
            "  ok  [BODY].status (failing) == failing\n"
            "  ok  [CONNECTED] (true) == true\n"
            "  no  [BODY].none (INVALID) == 1: the body has nothing at [BODY].none\n"
            "down: condition_failed\n"
        ),
    )


def test_a_redirect_is_shown_with_both_requests(probe, port):
    status, says = probe(f"http://127.0.0.1:{port}/moved")
    assert (status, steady(says, port)) == (
        0,
        (
            "connect N ms  127.0.0.1:PORT\n"
            "answer N ms  HTTP/1.1 302, 0 bytes, -> http://127.0.0.1:PORT/\n"
            "connect N ms  127.0.0.1:PORT\n"
            "answer N ms  HTTP/1.1 200, 13 bytes, text/html\n"
            "up\n"
        ),
    )
    times = [float(each) for each in re.findall(r"(\d+\.\d) ms", says)]
    assert times == sorted(times)


def test_a_certificate_shows_its_version_names_days_and_issuer(probe, tmp_path):
    authority = trustme.CA(organization_name="Ships")
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "shop.example").configure_cert(context)
    with serving(context) as port:
        url = f"https://127.0.0.1:{port}/"
        status, says = probe(
            "shop", targets=f'  - {{id: shop, http: {{url: "{url}", tls: {{ca_file: ca.pem}}}}}}\n'
        )
        refused = probe(url)
    said = re.sub(r"\d[\d,]* days", "N days", re.sub(r"#\S+", "#N", steady(says, port)))
    assert (status, said) == (
        0,
        (
            "connect N ms  127.0.0.1:PORT\n"
            "TLS N ms  TLS 1.3, 127.0.0.1 and 1 more, N days left, issued by Testing CA #N\n"
            "answer N ms  HTTP/1.1 200, 13 bytes, text/html\n"
            "up\n"
        ),
    )
    assert refused[0] == 1
    assert steady(refused[1], port).splitlines()[0] == "connect N ms  127.0.0.1:PORT"
    assert refused[1].splitlines()[1].startswith("down: certificate_invalid: ")
    assert len(refused[1].splitlines()) == 2


def test_a_port_is_probed_by_its_address(probe, port):
    status, says = probe(f"tcp://127.0.0.1:{port}")
    assert (status, steady(says, port)) == (0, "connect N ms  127.0.0.1:PORT\nup\n")


def test_an_answer_over_tcp_is_counted(probe, port):
    tcp = f'{{host: 127.0.0.1, port: {port}, send: "GET / HTTP/1.0\\r\\n\\r\\n", expect: HTTP/1.1}}'
    status, says = probe("web", targets=f"  - {{id: web, tcp: {tcp}}}\n")
    assert status == 0
    assert re.sub(r"\d+ bytes", "N bytes", steady(says, port)).splitlines()[1:] == [
        "answer N ms  N bytes",
        "up",
    ]


def test_a_handshake_of_a_tcp_probe_is_shown(probe, tmp_path):
    authority = trustme.CA(organization_name="Ships")
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "shop.example").configure_cert(context)
    with serving(context) as port:
        steps = '[{send: "GET / HTTP/1.0\\r\\n\\r\\n", expect: "^HTTP/1.1 200"}]'
        tcp = f"{{host: 127.0.0.1, port: {port}, tls: {{ca_file: ca.pem}}, dialogue: {steps}}}"
        status, says = probe("web", targets=f"  - {{id: web, tcp: {tcp}}}\n")
    said = re.sub(
        r"\d+ bytes", "N bytes", re.sub(r"\d[\d,]* days", "N days", re.sub(r"#\S+", "#N", steady(says, port)))
    )
    assert (status, said) == (
        0,
        (
            "connect N ms  127.0.0.1:PORT\n"
            "TLS N ms  TLS 1.3, 127.0.0.1 and 1 more, N days left, issued by Testing CA #N\n"
            "answer N ms  N bytes\n"
            "up\n"
        ),
    )


def test_a_refused_connection_is_down(probe):
    assert probe("tcp://127.0.0.1:1") == (
        1,
        "down: connection_refused: 127.0.0.1 port 1: Connection refused\n",
    )
    status, says = probe("http://127.0.0.1:1/")
    refused = "Failed to connect to 127.0.0.1:PORT after N ms: Could not connect to server"
    assert (status, steady(says, 1)) == (1, f"down: connection_refused: {refused}\n")


def test_a_name_that_leads_nowhere_is_down_and_its_conditions_are_not_judged(probe):
    status, says = probe(
        "shop",
        targets='  - {id: shop, http: {url: "http://nowhere.invalid/"}, expect: ["[STATUS] == 200"]}\n',
    )
    first, last = says.splitlines()
    assert (status, first) == (1, "  --  [STATUS] == 200")
    assert last.startswith("down: dns_failed: could not resolve nowhere.invalid")


def test_a_server_that_says_nothing_has_timed_out_at_the_timeout(probe, silent):
    http = f'{{url: "http://127.0.0.1:{silent}/"}}'
    status, says = probe("shop", targets=f"  - {{id: shop, timeout: 200ms, http: {http}}}\n")
    connect, verdict = steady(says, silent).splitlines()
    assert (status, connect) == (1, "connect N ms  127.0.0.1:PORT")
    assert verdict.startswith("timed_out: the deadline passed before the first byte")


def test_a_program_is_run_once_and_judged(probe):
    targets = (
        "  - {id: disk, exec: {argv: [/bin/sh, -c, \"echo 'DISK CRITICAL|free=7MB'; exit 2\"]}}\n"
        "  - {id: none, exec: {argv: [/bin/nothing-here]}}\n"
    )
    status, says = probe("disk", targets=targets)
    assert (status, steady(says)) == (
        1,
        "program N ms  23 bytes\n  free = 7 MB\ndown: exit_status: DISK CRITICAL\n",
    )
    status, says = probe("none")
    assert (status, says.startswith("down: command_failed: cannot run /bin/nothing-here: ")) == (1, True)


def test_a_target_that_only_its_runtime_can_check_is_refused_with_the_way(probe):
    targets = "  - {id: depth, call: {name: depth}}\n  - {id: job, every: 1h, heartbeat: {}}\n"
    assert probe("depth", targets=targets) == (
        2,
        (
            "depth cannot be probed: it calls the function 'depth' of a program, which the command line cannot: "
            "`check-now` asks the program\n"
        ),
    )
    assert probe("job") == (
        2,
        "job cannot be probed: its job reports by itself, so there is nothing to probe: `status` shows its last report\n",
    )
    assert probe("jbo") == (
        1,
        "watchkeeper: no target of watchkeeper.yaml is named 'jbo', did you mean job\n",
    )


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("ftp://host/", "ftp: is no scheme that is probed"),
        ("tcp://host", "a tcp address has a host and a port and nothing else"),
        ("tcp://host:1/path", "a tcp address has a host and a port and nothing else"),
        ("tcp://host:99999", "a tcp address has a host and a port and nothing else"),
        ("http://", "watchkeeper: "),
        ("http://a b/", "watchkeeper: "),
    ],
)
def test_an_address_that_cannot_be_probed_ends_with_2(probe, url, says):
    status, text = probe(url)
    assert (status, says in text) == (2, True), text


def test_a_target_without_a_configuration_ends_with_2(probe):
    status, says = probe("shop")
    assert (status, says.startswith("there is no watchkeeper.yaml in this folder")) == (2, True)


def test_no_secret_of_a_target_is_shown(probe, port):
    http = (
        f'{{url: "http://127.0.0.1:{port}/echo?token={TOKEN}", bearer: {TOKEN}, cookies: {{lang: {TOKEN}}}}}'
    )
    targets = f'  - {{id: shop, http: {http}, expect: ["[BODY] == no"]}}\n'
    for arguments in (["--body"], ["--body", "--json"]):
        status, says = probe("shop", *arguments, targets=targets)
        assert (status, TOKEN in says, "***" in says) == (1, False, True)
    assert TOKEN not in probe(f"http://127.0.0.1:{port}/echo?token={TOKEN}", "--body", "--json")[1]


def test_a_hostile_answer_controls_no_terminal(probe, port):
    status, says = probe(f"http://127.0.0.1:{port}/odd", "--body", color=True)
    plain = re.sub("\x1b\\[(1|32|0)m", "", says)
    assert (status, "\x1b" in plain) == (0, False)
    assert "text/\\x1b[31mred" in plain
    head, rest = plain[plain.index("body\n") + 5 :].splitlines()
    assert (head, rest) == ("  a\\x1b[2Jb", "  " + "c" * (512 - 7))
    assert "\x1b" not in probe(f"http://127.0.0.1:{port}/")[1]


def test_a_program_reads_the_same_as_one_document(probe, port):
    expect = '["[STATUS] == 200", "[RESPONSE_TIME] < 60000"]'
    targets = f'  - {{id: shop, http: {{url: "http://127.0.0.1:{port}/busy"}}, expect: {expect}}}\n'
    status, says = probe("shop", "--json", "--body", targets=targets)
    found = json.loads(says)
    (request,) = found.pop("requests")
    assert status == 1
    assert found.pop("took_ms") == request.pop("total_ms")
    shown = found["conditions"][1].pop("shown")
    assert re.fullmatch(r"\[RESPONSE_TIME\] \(\d+\) < 60000", shown)
    assert found == {
        "target": "shop",
        "kind": "http",
        "outcome": "down",
        "reason": "condition_failed",
        "detail": "",
        "status": 503,
        "conditions": [
            {"text": "[STATUS] == 200", "passed": False, "shown": "[STATUS] (503) == 200", "error": None},
            {"text": "[RESPONSE_TIME] < 60000", "passed": True, "error": None},
        ],
        "warnings": [],
        "body": '{"status": "failing"}',
        "locations": [],
    }
    assert (request["peer"], request["port"], request["version"]) == ("127.0.0.1", port, "HTTP/1.1")
    assert (request["status"], request["bytes"], request["type"]) == (503, 21, "application/json")
    assert 0 < request["connect_ms"] <= request["first_byte_ms"]


def test_a_secret_that_only_others_need_stops_no_probe(probe, port, monkeypatch):
    monkeypatch.setenv("SHOP_TOKEN", TOKEN)
    targets = (
        f'  - {{id: shop, http: {{url: "http://127.0.0.1:{port}/echo?a=${{SHOP_TOKEN}}"}}, expect: ["[STATUS] == 500"]}}\n'
        '  - {id: mail, http: {url: "http://h/", bearer: "${MAIL_TOKEN}"}}\n'
        'channels: [{id: ops, webhook: {url: "http://h/", secret: "${OPS_SECRET}"}}]\n'
    )
    status, says = probe("shop", "--body", "--json", targets=targets)
    assert (status, json.loads(says)["status"], TOKEN in says) == (0, 500, False)
    status, says = probe("mail")
    assert (status, "targets[1].http.bearer: the environment variable MAIL_TOKEN is not set" in says) == (
        2,
        True,
    )
    assert "OPS_SECRET" not in says
    monkeypatch.delenv("SHOP_TOKEN")
    assert "SHOP_TOKEN is not set" in probe("shop")[1]
    assert probe("none")[0] == 2
