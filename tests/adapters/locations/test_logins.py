"""Logins by keys and by certificates, of an owner and of agents, at real NATS servers; and texts that are no login."""

import asyncio
import sys
import time
from contextlib import contextmanager

import nkeys
import pytest
import trustme
from awaiting import becomes
from hostile.server import HostileServer
from looking import until
from nats_logins import JwtServer, Key, NkeyServer
from nats_server import OWNER, NatsServer
from watchkeeper import Agent, Agents, Configuration, ConfigurationError, Runtime, Target, Tcp, Tls
from watchkeeper.adapters import extras
from watchkeeper.adapters.locations.client import NO_KEYS, refusal_of
from watchkeeper.adapters.locations.link import NatsLink
from watchkeeper.domain.specification.remote.logins import NatsLogin, credentials_problem, login_of

from tests.support.left_behind import descriptors

pytestmark = pytest.mark.needs("nats")
LOGIN_REFUSED = "it refuses the login: check user, password or credentials file"


@pytest.fixture(scope="module", params=[NkeyServer, JwtServer], ids=["nkey", "jwt"])
def nats(request):
    with request.param("fra", "iad") as server:
        yield server


class Files:
    """An authority, and the files by which clients know it and prove themselves to it."""

    def __init__(self, folder):
        self.authority, other = trustme.CA(), trustme.CA()
        self.ca, self.certificate, self.key = (str(folder / name) for name in ("ca", "crt", "key"))
        self.foreign_ca = str(folder / "foreign")
        client = self.authority.issue_cert("owner@example.org")
        self.authority.cert_pem.write_to_path(self.ca)
        other.cert_pem.write_to_path(self.foreign_ca)
        client.cert_chain_pems[0].write_to_path(self.certificate)
        client.private_key_pem.write_to_path(self.key)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return Files(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def secured(files):
    """A server of tls:// by another name than its address, which asks its clients for a certificate, too."""
    with NatsServer("fra", ca=files.authority, asks_clients=True, name="nats.example") as server:
        yield server


@pytest.fixture(scope="module")
def port():
    with HostileServer(greeting=lambda visit: visit.wait_for_client_to_leave()) as server:
        yield server.port


def said_by_agent(**options):
    """Returns the first line that an agent says of its connection, and whether trying again cannot help."""
    said = []
    with Agent(location="fra", told=lambda *each: said.append(each), **options):
        assert until(lambda: said)
    return said[0]


@contextmanager
def checking_at_fra(port, **agents):
    """The runtime of an owner whose only target is checked from fra."""
    shop = Target(
        id="shop", every="200ms", tcp=Tcp(host="127.0.0.1", port=port), locations=["fra"], notify=()
    )
    with Runtime(targets=[shop], agents=Agents(locations=["fra"], **agents)) as runtime:
        yield runtime


def is_up(runtime):
    sample = runtime.status()["shop"].sample
    return sample is not None and sample.outcome == "up"


# Keys.


def test_an_owner_and_an_agent_log_in_by_keys(nats, port):
    url = f"nats://127.0.0.1:{nats.port}"
    with (
        Agent(location="fra", nats=url, credentials=nats.credentials("fra")),
        checking_at_fra(port, nats=url, credentials=nats.credentials(OWNER)) as runtime,
    ):
        assert until(lambda: is_up(runtime))


def test_a_key_holds_an_agent_to_its_own_location(nats):
    line, is_final = said_by_agent(nats=f"nats://127.0.0.1:{nats.port}", credentials=nats.credentials("iad"))
    assert is_final
    assert "does not permit this account" in line


@pytest.mark.parametrize("ends", ["\r\n", "\n\n"])
def test_the_line_ends_of_other_systems_are_no_part_of_a_key(nats, ends):
    text = nats.credentials("fra").replace("\n", ends) + ends
    line, _ = said_by_agent(nats=f"nats://127.0.0.1:{nats.port}", credentials=text)
    assert "connected to" in line


def test_a_key_that_the_server_does_not_know_is_refused_for_good(nats):
    stranger = Key(nkeys.PREFIX_BYTE_USER)
    text = stranger.seed
    if isinstance(nats, JwtServer):
        text = nats.credentials("fra", signer=Key(nkeys.PREFIX_BYTE_ACCOUNT))
    line, is_final = said_by_agent(nats=f"nats://127.0.0.1:{nats.port}", credentials=text)
    assert (line.endswith(LOGIN_REFUSED), is_final) == (True, True)


def test_a_wrong_password_is_refused_for_good(secured, files):
    tls = Tls(
        ca_file=files.ca, server_name="nats.example", certificate_file=files.certificate, key_file=files.key
    )
    line, is_final = said_by_agent(nats=secured.url("fra", "wrong"), tls=tls)
    assert (line.endswith(LOGIN_REFUSED), is_final) == (True, True)
    assert "wrong" not in line


def test_a_jwt_that_has_ended_is_refused_for_good():
    with JwtServer("fra") as server:
        text = server.credentials("fra", exp=int(time.time()) - 60)
        line, is_final = said_by_agent(nats=f"nats://127.0.0.1:{server.port}", credentials=text)
    assert (line.endswith(LOGIN_REFUSED), is_final) == (True, True)


def test_a_seed_that_was_cut_off_is_named_and_not_shown(nats):
    seed = Key(nkeys.PREFIX_BYTE_USER).seed[:-4]
    line, is_final = said_by_agent(nats=f"nats://127.0.0.1:{nats.port}", credentials=seed)
    assert "the seed in its credentials cannot be read" in line
    assert is_final
    assert seed not in line


JWT, SEED = "eyJ0eXAi", "SU" + "A2" * 28
_FILE = JwtServer.file(JWT, SEED)


@pytest.mark.parametrize(
    ("text", "login"),
    [
        (_FILE, NatsLogin(jwt=JWT, seed=SEED)),
        (SEED, NatsLogin(seed=SEED)),
        (f"{SEED}\nU{'A' * 55}\n", NatsLogin(seed=SEED)),
        (f"-----BEGIN USER NKEY SEED-----\n{SEED}\n------END USER NKEY SEED------", NatsLogin(seed=SEED)),
        ("fra:se:cret\n", NatsLogin("fra", "se:cret")),
        ("SUPERSECRET", NatsLogin("", "", "SUPERSECRET")),
    ],
)
def test_a_text_of_credentials_is_one_kind_of_login(text, login):
    assert login_of(text) == login
    assert not credentials_problem(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (" \n", "is empty: "),
        (_FILE.split("-----BEGIN USER")[0], "lacks a seed of a user (SU...): "),
        (_FILE[_FILE.index("------END NATS") :], "lacks a JWT: "),
        (_FILE.replace(SEED + "\n", ""), "lacks a seed of a user (SU...): "),
        ("SA" + SEED[2:], "is the seed of an account: write the seed of a user"),
        ("SO" + SEED[2:], "is the seed of an operator: write the seed of a user"),
        ("U" + "A2" * 27 + "A", "is a public key: write the seed of a user"),
    ],
)
def test_a_text_that_is_no_login_is_told_by_a_check_and_by_an_agent(text, said):
    assert credentials_problem(text).startswith(said)
    with pytest.raises(ConfigurationError) as told:
        Agent(location="fra", nats="nats://h", credentials=text)
    assert str(told.value).startswith(f"credentials: {said}")
    assert SEED not in str(told.value)


def test_the_library_of_keys_is_named_where_it_is_missing(monkeypatch):
    shop = Target(id="shop", http={"url": "http://h/"})

    def of(credentials):
        agents = Agents(nats="nats://h", locations=["fra"], credentials=credentials)
        found = Configuration(agents=agents, targets=(shop,))
        return [str(each) for each in extras.missing_libraries(found, nkeys="installed_nowhere")]

    assert of(SEED) == ["agents.credentials: nkeys is not installed: pip install 'watchkeeper[nats]'"]
    assert of("user:password") == []
    # As where the package is not installed: the import system takes None for a module that cannot be had.
    monkeypatch.setitem(sys.modules, "nkeys", None)
    with pytest.raises(ConfigurationError, match="nkeys is not installed"):
        Agent(location="fra", nats="nats://h", credentials=SEED)
    assert refusal_of(ModuleNotFoundError(name="nkeys")) == (NO_KEYS, True)


# Certificates.


def test_a_server_without_tls_gets_no_login_of_a_url_that_asks_for_it(nats):
    line, is_final = said_by_agent(nats=f"tls://127.0.0.1:{nats.port}", credentials=nats.credentials("fra"))
    assert "the server offers no TLS" in line
    assert is_final


def test_the_authorities_of_the_process_are_trusted_where_no_file_is_named(files, port, monkeypatch):
    with NatsServer("fra", ca=files.authority) as server:
        line, _ = said_by_agent(nats=server.url("fra"))
        assert "its certificate is refused: " in line
        monkeypatch.setenv("SSL_CERT_FILE", files.ca)
        with (
            Agent(location="fra", nats=server.url("fra")),
            checking_at_fra(port, nats=server.url()) as runtime,
        ):
            assert until(lambda: is_up(runtime))


def test_an_owner_and_an_agent_name_the_authority_and_show_a_certificate(secured, files, port):
    tls = Tls(
        ca_file=files.ca,
        certificate_file=files.certificate,
        key_file=files.key,
        server_name="nats.example",
    )
    with (
        Agent(location="fra", nats=secured.url("fra"), tls=tls),
        checking_at_fra(port, nats=secured.url(), tls=tls) as runtime,
    ):
        assert until(lambda: is_up(runtime))


def test_the_end_of_a_secured_connection_writes_no_line_of_a_library(files, caplog):
    tls = Tls(ca_file=files.ca)
    with NatsServer("fra", ca=files.authority) as server:
        with Agent(location="fra", nats=server.url("fra"), tls=tls) as agent:
            assert agent.wait_connected("20s")
        said_by_agent(nats=server.url("fra", "wrong"), tls=tls)
        agent = Agent(location="fra", nats=server.url("fra"), tls=tls)
        agent.start()
        assert agent.wait_connected("20s")
    agent.stop()
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "its certificate is refused: "),
        ({"ca_file": "foreign_ca", "server_name": "nats.example"}, "its certificate is refused: "),
        ({"ca_file": "ca"}, "IP address mismatch, certificate is not valid for '127.0.0.1'"),
    ],
)
def test_a_certificate_that_is_not_trusted_is_refused_by_the_name_of_the_key_that_helps(
    secured, files, changed, said
):
    stated = {key: getattr(files, value, value) for key, value in changed.items()}
    line, is_final = said_by_agent(nats=secured.url("fra"), tls=Tls(**stated) if stated else None)
    assert said in line
    assert is_final
    assert line.index("tls.ca_file") < line.index("SSL_CERT_FILE")


def test_a_certificate_that_the_server_asks_for_and_does_not_get_is_named(secured, files):
    tls = Tls(ca_file=files.ca, server_name="nats.example")
    line, is_final = said_by_agent(nats=secured.url("fra"), tls=tls)
    assert "the server asks for a certificate: name it under tls.certificate_file" in line
    assert is_final


def test_no_descriptor_is_left_of_certificates_that_are_refused_or_missing(run, secured, files):
    servers = Agents(nats=secured.url("fra"), locations=("x",)).servers
    ways = [Tls(), Tls(ca_file=files.ca), Tls(ca_file=files.ca, server_name="nats.example")]

    async def main():
        loop = asyncio.get_running_loop()
        before = None
        for number in range(70):
            links = [NatsLink(loop, servers, None, (), print, name="x", dice=float, tls=tls) for tls in ways]
            for link in links:
                link.start()
            await becomes(lambda links=links: all(each.refusal.is_final for each in links))
            for link in links:
                link.close()
            if number == 10:
                before = descriptors()
        await becomes(lambda: descriptors() <= before)

    run(main)


def test_a_file_that_cannot_be_used_is_a_problem_of_the_agent(files, tmp_path):
    garbage = tmp_path / "garbage"
    garbage.write_text("no certificate")

    def refused(**tls):
        with pytest.raises(ConfigurationError) as told:
            Agent(location="fra", nats="tls://h", tls=Tls(**tls))
        return str(told.value)

    assert refused(ca_file=str(tmp_path / "gone")).startswith("tls.ca_file: ")
    assert "holds no certificate that can be read" in refused(ca_file=str(garbage))
    assert refused(certificate_file=files.certificate, key_file=str(garbage)).startswith("tls.key_file: ")
    assert refused(ca_file=files.ca, verify=False).startswith("tls.verify: ")


def test_a_file_that_is_gone_later_is_named(secured, files, tmp_path):
    ca = tmp_path / "ca.pem"
    ca.write_bytes(files.authority.cert_pem.bytes())
    said = []
    agent = Agent(
        location="fra",
        nats=secured.url("fra"),
        tls=Tls(ca_file=str(ca)),
        told=lambda line, _: said.append(line),
    )
    ca.unlink()
    with agent:
        assert until(lambda: said)
    assert f"the file {ca} cannot be read: No such file or directory" in said[0]
