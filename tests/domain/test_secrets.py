"""Secrets of a specification never appear in its printed form, in a log or in a traceback."""

import pytest
from watchkeeper.domain.specification.channel import Channel, Webhook
from watchkeeper.domain.specification.probe import BasicAuth, Exec, Http, Tcp, Tls
from watchkeeper.domain.specification.target import Target

SECRET = "canary"  # noqa: S105  # it sings and opens nothing

PROBES = [
    Http(url=f"https://shop.example/health?token={SECRET}"),
    Http(url="https://shop.example/", headers={"Authorization": SECRET}, bearer=SECRET, body=SECRET),
    Http(url="https://shop.example/", basic_auth=BasicAuth(user="ann", password=SECRET)),
    Http(
        url="https://shop.example/",
        tls=Tls(certificate_file="c.pem", key_password=SECRET, server_name="shop.example"),
    ),
    Tcp(host="keys.example", port=6379, send=f"AUTH {SECRET}\r\nPING\r\n", expect="PONG"),
    Exec(argv=("/bin/check", SECRET), environment={"TOKEN": SECRET}),
]


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: type(probe).__name__)
def test_a_target_prints_none_of_its_secrets(probe):
    target = Target(id="shop", **{type(probe).__name__.lower(): probe})
    for printed in (repr(target), str(probe), f"{probe}"):
        assert SECRET not in printed


def test_the_request_of_a_probe_is_still_recognised():
    assert repr(PROBES[0]) == "Http(GET https://shop.example/health?***, headers=[])"
    assert repr(PROBES[3].tls) == (
        "Tls(certificate_file='c.pem', key_password=***, server_name='shop.example')"
    )
    assert repr(PROBES[4]) == "Tcp('keys.example', 6379, send=***, expect='PONG')"


def test_a_channel_prints_none_of_its_secrets():
    webhook = Webhook(url=f"https://hooks.example/{SECRET}", secret=SECRET, headers={"X-Key": SECRET})
    assert SECRET not in repr(Channel(id="ops", webhook=webhook))
