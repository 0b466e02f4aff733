"""The eligibility for the fast path, with the time as an argument."""

import pycurl
import pytest
from watchkeeper.adapters.http.destination import destination_of
from watchkeeper.adapters.http.exchange import HttpAnswer, HttpShape
from watchkeeper.adapters.http.fast.eligibility import FastPathEligibility
from watchkeeper.domain.limits import DNS_FRESH_NS
from watchkeeper.domain.specification.probe import Tls

HEADER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
FINE = HttpAnswer(status=200, header=HEADER, ip="192.0.2.1", connect_ns=1, tls_ns=2)
NO_HANDSHAKE = HttpAnswer(code=pycurl.E_SSL_CONNECT_ERROR, ip="192.0.2.1", connect_ns=1)
TOO_LATE = HttpAnswer(code=pycurl.E_OPERATION_TIMEDOUT, ip="192.0.2.1", connect_ns=1)


def route(url="https://192.0.2.1/", **shape):
    return FastPathEligibility(HttpShape(**shape), destination_of(url), fast_tls=True)


def learned(way, now_ns=0):
    way.observe(FINE, now_ns)
    return way.request


def test_each_first_failure_of_a_handshake_bars_the_way_for_twice_as_long():
    way, now_ns = route(), 0
    for barred_ns in (DNS_FRESH_NS, 2 * DNS_FRESH_NS, 4 * DNS_FRESH_NS):
        assert learned(way, now_ns) is not None
        assert not way.accepts(NO_HANDSHAKE, now_ns)
        assert learned(way, now_ns + barred_ns - 1) is None
        now_ns += barred_ns


def test_a_success_takes_every_doubt_away():
    way = route()
    learned(way)
    way.accepts(NO_HANDSHAKE, 0)
    learned(way, DNS_FRESH_NS)
    way.accepts(FINE, DNS_FRESH_NS)
    assert way.accepts(NO_HANDSHAKE, DNS_FRESH_NS)
    assert way.request is None
    learned(way, DNS_FRESH_NS)
    assert not way.accepts(NO_HANDSHAKE, DNS_FRESH_NS)

    assert learned(way, 2 * DNS_FRESH_NS) is not None


def test_a_handshake_that_took_all_the_time_is_not_asked_again():
    way = route()
    learned(way)

    assert way.accepts(TOO_LATE, 0)
    assert learned(way, DNS_FRESH_NS - 1) is None


@pytest.mark.parametrize(
    "shape",
    [
        {"connect_to": ("fe80::1%eth0", 443)},
        {"keep_connection": True},
        {"method": "HEAD"},
        {"body": b""},
        {"tls": Tls(certificate_file="c.pem")},
        {"tls": Tls(key_file="k.pem")},
        {"tls": Tls(verify=False)},
    ],
)
def test_a_request_that_only_libcurl_can_do_never_takes_the_fast_path(shape):
    assert learned(route()) is not None
    assert learned(route(**shape)) is None


@pytest.mark.parametrize(
    "url", ["https://shop.example./", "http://192.0.2.1/a/../b", "http://[fe80::1%25eth0]/"]
)
def test_a_url_that_libcurl_reads_in_its_own_way_is_left_to_it(url):
    assert learned(route(url)) is None
