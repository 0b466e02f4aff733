"""`probe` of targets of a configuration: proxies and tokens, steps, registrations and demands on answers."""

import json
import socket

from login_servers import TokenServer
from proxy_server import ProxyServer

from tests.launcher.answering import TOKEN


def test_a_target_is_probed_through_its_proxy_and_with_a_token(probe):
    with TokenServer("me", TOKEN) as shop, ProxyServer() as proxy:
        login = f'oauth2: {{token_url: "{shop.token_url}", client_id: me, client_secret: {TOKEN}}}'
        http = f'{{url: "{shop.url("/shop")}", proxy: {{url: "{proxy.url()}"}}, {login}}}'
        status, says = probe("shop", "--body", targets=f"  - {{id: shop, http: {http}}}\n")

    assert (status, "hello Bearer ***" in says, TOKEN in says, shop.given[0] in says) == (
        0,
        True,
        False,
        False,
    ), says
    assert len(proxy.asked) == 2


def test_a_connection_to_a_proxy_is_shown_as_one(probe):
    with ProxyServer(refusal="403 Forbidden") as proxy:
        for place, names in (("127.0.0.1", []), ("localhost", ["name"])):
            http = f'{{url: "https://shop.example/", proxy: {{url: "{proxy.url(host=place)}"}}}}'
            targets = f"  - {{id: shop, http: {http}}}\n"

            status, says = probe("shop", targets=targets)
            *named, connected, verdict = says.splitlines()
            shown = json.loads(probe("shop", "--json", targets=targets)[1])["requests"][0]

            assert (status, [line.split()[0] for line in named]) == (1, names)
            assert connected.endswith(f"127.0.0.1:{proxy.port}, the proxy"), says
            assert verdict == "down: proxy_refused: the proxy answers 403 to CONNECT"
            assert (shown["host"], shown["port"], shown["by_proxy"]) == (place, proxy.port, True)


def test_steps_show_each_request_and_no_captured_value(probe, port):
    at = f"http://127.0.0.1:{port}/echo"
    capture = 'capture: {token: {of: "[BODY]", matches: "sent (.*)[?]"}}'
    steps = f'{{id: a, url: "{at}", expect: ["[STATUS] == 500"], {capture}}}, {{id: b, url: "{at}?{{{{token}}}}", expect: ["[STATUS] == 500"]}}'
    targets = f'  - {{id: order, http_steps: {{steps: [{steps}]}}, expect: ["[BODY] == x"]}}\n'
    status, says = probe("order", "--body", targets=targets)
    assert (status, says.count("HTTP/1.1 500"), TOKEN in says) == (1, 2, False)
    assert "no  [BODY] (who sent ***?) == x" in says


def test_a_registration_is_probed(probe, port):
    rdap = f"http://127.0.0.1:{port}/rdap"
    targets = f'  - {{id: name, every: 24h, domain: {{name: shop.example, rdap_server: "{rdap}"}}, expect: ["[DOMAIN_EXPIRATION] > 24h"]}}\n'
    status, says = probe("name", targets=targets)
    assert (status, says.splitlines()[-1]) == (0, "up")


def test_an_answer_against_the_demands_of_a_target_says_which(probe, port):
    demands = {
        'versions: ["1.0"]': "version_refused: the answer is in HTTP 1.1, and may be in 1.0 only",
        "encryption: required": f"encryption_refused: the answer of 127.0.0.1:{port} came in clear",
        'header_rules: [{header: X-None, matches: "."}]': "header_refused: the answer has no header X-None",
    }
    for demand, said in demands.items():
        targets = f'  - {{id: shop, http: {{url: "http://127.0.0.1:{port}/echo", {demand}}}}}\n'
        status, says = probe("shop", targets=targets)
        assert (status, said in says) == (1, True), says


def test_a_host_that_refuses_is_named_as_it_is_written(probe):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    at = f"localhost:{port}"
    ways = {
        "address_family: prefer_ipv6": "connection_refused: Failed to connect to",
        f'proxy: {{url: "http://{at}"}}': "proxy_failed: the proxy: Failed to connect to",
        f'proxy: {{url: "socks5://{at}"}}': "proxy_failed: the proxy: Failed to connect to",
    }
    for way, said in ways.items():
        status, says = probe("shop", targets=f'  - {{id: shop, http: {{url: "http://{at}/", {way}}}}}\n')
        assert (status, f"down: {said} {at} after" in says) == (1, True), says
