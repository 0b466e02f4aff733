import pytest
from hostile.server import HostileServer
from watchkeeper.adapters.pinging import HttpPinger
from watchkeeper.domain.specification.configuration import PingOptions
from watchkeeper.domain.specification.probe import Tls
from watchkeeper.domain.time.moment import NS_PER_MS, Deadline

from tests.adapters.timing import ANSWER_WITHIN_MS, time_for

SYSTEM = Tls()


def ping(bench, url, timeout_ms=ANSWER_WITHIN_MS, *, deny=False, tls=SYSTEM):
    """Why one ping failed; empty where it arrived."""
    pinger = HttpPinger(PingOptions(url=url, tls=tls), bench.transport, deny_private_addresses=deny)
    ended = bench.loop.create_future()
    pinger.ping(Deadline.after(bench.clock.read(), timeout_ms * NS_PER_MS), ended.set_result)
    assert not ended.done()
    return bench.wait(ended, timeout_ms)


def test_a_ping_is_a_get_of_the_url(bench):
    with HostileServer() as server:
        assert ping(bench, server.url("/ping/KEY?rid=1")) == ""
        (heard,) = server.heard

    assert (heard.method, heard.path, heard.body) == ("GET", "/ping/KEY?rid=1", b"")


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("status/204", ""),
        ("status/404", "HTTP 404"),
        ("status/503", "HTTP 503"),
        ("redirect/302?/healthy", "HTTP 302"),
        ("reset", "connection_reset"),
        ("nothing", "timed_out"),
        ("drip_head", "timed_out"),
    ],
)
def test_only_a_success_is_one(bench, path, says):
    with HostileServer() as server:
        fault = ping(bench, server.url(f"/{path}"), time_for(path, 300))
        assert len(server.heard) == 1

    assert fault.startswith(says)
    assert bool(fault) == bool(says)


def test_a_private_address_is_not_pinged_where_they_are_denied(bench):
    with HostileServer() as server:
        fault = ping(bench, server.url("/healthy"), deny=True)

    assert fault.startswith("address_refused")
    assert not server.heard


def test_the_certificate_is_judged_as_for_every_https_url(bench, authority):
    with authority.server() as server:
        url = server.url("/healthy")
        assert ping(bench, url).startswith("certificate_invalid")
        assert ping(bench, url, tls=Tls(ca_file=authority.file)) == ""
