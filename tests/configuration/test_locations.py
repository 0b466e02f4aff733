"""Agents and locations in a configuration: what is refused, where, and with which advice; and no secret of NATS is shown."""

import pytest
from click.testing import CliRunner
from msgspec.structs import replace
from watchkeeper import (
    Agents,
    Call,
    Composite,
    Configuration,
    ConfigurationError,
    Exec,
    Heartbeat,
    Http,
    Plugin,
    RuntimeOptions,
    Target,
    Threshold,
)
from watchkeeper.adapters import extras
from watchkeeper.adapters.configuration import load
from watchkeeper.adapters.masking import SecretMask, secrets_of
from watchkeeper.domain.specification.remote.agents import NatsServer
from watchkeeper.domain.validation.partial import judged, judged_target
from watchkeeper.domain.validation.probes.locations import ONLY_HERE
from watchkeeper.launcher.main import cli

AGENTS = Agents(nats="nats://h", locations=("fra", "iad", "syd"))
HTTP = Http(url="http://shop.example/")


def problems(agents=AGENTS, runtime=RuntimeOptions(), **fields):  # noqa: B008  # immutable
    target = Target(id="shop", **({"http": HTTP} | fields))
    found = Configuration(runtime=runtime, agents=agents, targets=(target,))
    return [str(each) for each in judged(found)[1]]


def test_a_target_of_known_locations_is_fine():
    assert problems(locations=("fra", "iad", "syd"), quorum=2) == []
    assert problems(locations=("home", "iad")) == []
    assert problems(runtime=RuntimeOptions(location="ams"), locations=("ams", "iad")) == []
    assert problems(agents=None, locations=("home",)) == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"locations": ("fra", "syt")}, ("targets[0].locations[1]: there is no location 'syt', did you mean syd: "
         "name one of agents.locations, or home")),
        ({"locations": ("fra", "fra")}, "targets[0].locations[1]: the location 'fra' stands twice: keep one"),
        ({"locations": ("fra", "iad"), "quorum": 3}, "targets[0].quorum: 3 of 2 can never agree: write 1 to 2"),
        ({"quorum": 2}, "targets[0].quorum: means nothing without locations: write those too, or leave it out"),
        ({"agents": None, "locations": ("fra", "iad")},
         "targets[0].locations: needs agents, which probe there: write agents with nats and locations"),
        ({"locations": ("fra",), "max_age": "10s"}, ("targets[0].max_age: has no effect with locations: "
         "each makes an attempt of its own; leave it out")),
        ({"locations": ("fra",), "rules": (Threshold(id="t", measure="connect", value=5.0),)},
         ("targets[0].rules[0].measure: 'connect' is not known of several locations together: "
         "write a condition under expect, which each of them judges")),
        ({"agents": Agents(nats="nats://h", locations=("home", "fra"))}, ("agents.locations[0]: 'home' is the "
         "location of this runtime itself: rename one, or set runtime.location")),
        ({"agents": Agents(nats="nats://h", locations=("fra", "fra"))},
         "agents.locations[1]: the location 'fra' stands twice: keep one"),
        ({"agents": Agents(nats="nats://h", locations=("fra",), credentials=" ")}, ("agents.credentials: is empty: "
         "write the text of a credentials file, such as ${file:/run/secrets/nats}, or leave it out")),
    ],
)  # fmt: skip
def test_a_wrong_location_is_told_with_advice(fields, said):
    assert problems(**fields) == [said]


@pytest.mark.parametrize(
    ("kind", "probe"),
    [
        ("call", Call(name="f")),
        ("exec", Exec(argv=("/bin/true",))),
        ("heartbeat", Heartbeat()),
        ("composite", Composite(worst_of=("other",))),
        ("plugin", Plugin(name="one")),
    ],
)
def test_a_kind_that_only_this_machine_can_probe_has_no_locations(kind, probe):
    target = Target(id="a", locations=("fra",), **{kind: probe})
    assert [str(each) for each in judged_target(target, channels=(), allow_exec=True)[1]] == [
        f"locations: {ONLY_HERE[kind]}: leave it out"
    ]


def test_a_target_that_speaks_for_this_machines_network_is_not_probed_from_elsewhere():
    runtime = RuntimeOptions(connectivity={"targets": ["shop"]})
    (said,) = problems(runtime=runtime, locations=("fra",))
    assert said.startswith("runtime.connectivity.targets[0]: 'shop' is probed from other locations")


@pytest.mark.parametrize(
    ("nats", "said"),
    [
        ("http://h", "is no address of NATS"),
        ("h:4222", "is no address of NATS"),
        ("", "is no address of NATS"),
        ("nats://a,tls://b", "mixes nats:// and tls://"),
        ("nats://a:b", "has a host or a port that cannot be read"),
        ("nats://a:70000", "has a host or a port that cannot be read"),
        ("nats://a:0", "has a host or a port that cannot be read"),
        ("nats://a/path", "has a host or a port that cannot be read"),
        ("nats://", "has a server without a host"),
        ("nats://a,,b", "has a server without a host"),
        ("nats://a,a:4222", "has a server twice"),
        ("nats://" + ",".join(f"h{number}" for number in range(17)), "names 17 servers: write 16 or fewer"),
    ],
)
def test_an_address_that_is_none_of_nats_is_refused(nats, said):
    (found,) = problems(agents=Agents(nats=nats, locations=("fra",)))
    assert found.startswith(f"agents.nats: {said}")


@pytest.mark.parametrize(
    "password", ["a/bSECRET", "1/SECRET", "x?SECRET", "x#SECRET", "x@SECRET", "a,SECRET", "SEC RET"]
)
def test_a_login_of_nats_that_is_not_percent_encoded_is_refused_and_not_shown(password):
    found = Agents(nats=f"nats://owner:{password}@h:4222", locations=("fra",))
    (problem,) = problems(agents=found)
    assert "percent-encode the login (%40 for @, %2F for /" in problem
    assert "SEC" not in f"{problem} {found!r}"
    assert "nats='nats://***'" in repr(found)


def test_several_servers_share_what_the_first_one_states():
    found = Agents(nats="tls://watch:s%40crets@a,b:4223, tls://other:p@[::1]", locations=("fra",))
    assert problems(agents=found) == []
    assert found.servers == (
        NatsServer("a", 4222, "watch", "s@crets", encrypted=True),
        NatsServer("b", 4223, "watch", "s@crets", encrypted=True),
        NatsServer("::1", 4222, "other", "p", encrypted=True),
    )


def test_the_default_quorum_is_more_than_half():
    def of(count):
        names = tuple(str(number) for number in range(count))
        return Target(id="a", http=HTTP, locations=names).judged_quorum

    assert [of(count) for count in (1, 2, 3, 4, 5)] == [1, 2, 2, 3, 3]


CREDENTIALS = """-----BEGIN NATS USER JWT-----
eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5
------END NATS USER JWT------
-----BEGIN USER NKEY SEED-----
SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ
------END USER NKEY SEED------
"""
SECRETS = (
    "hunter22",
    "t0ken99",
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5",
    "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ",
)
CONFIG = """
agents:
  nats: nats://watch:hunter22@a.example,t0ken99@b.example
  credentials: ${file:nats.creds}
  locations: [fra, iad]
targets:
- {id: shop, locations: [fra, iad], http: {url: "http://shop.example/"}}
"""


@pytest.fixture
def config(tmp_path):
    (tmp_path / "nats.creds").write_text(CREDENTIALS)
    path = tmp_path / "watchkeeper.yaml"
    path.write_text(CONFIG)
    return path


def test_the_credentials_come_from_a_file_and_no_secret_is_shown(config):
    found = load(config, {}).agents
    assert found.credentials == CREDENTIALS.strip()
    mask = SecretMask()
    mask.learn(secrets_of((found,)))
    for secret in SECRETS:
        assert secret not in repr(found)
        assert secret not in mask(f"the server says {secret}")
    assert "watch:***@a.example,***@b.example" in repr(found)


def test_no_verb_shows_a_secret_of_nats(config):
    other = config.with_name("other.yaml")
    other.write_text(CONFIG.replace("hunter22", "another-word").replace("iad]\n", "iad, syd]\n"))
    for line in (["config", "-c", str(config)], ["check", str(config)], ["diff", str(config), str(other)]):
        found = CliRunner().invoke(cli, line)
        assert found.exit_code == 0, found.output
        assert not any(secret in found.output for secret in (*SECRETS, "another-word"))
    assert "agents" in found.output


@pytest.mark.parametrize("wrong", ["nats: 7", "nats: 'http://w:hunter22@h'", "credentials: [hunter22]"])
def test_a_problem_shows_no_secret_of_nats(wrong, tmp_path):
    path = tmp_path / "watchkeeper.yaml"
    key = wrong.partition(":")[0]
    lines = [line for line in CONFIG.splitlines() if line.split(":")[0].strip() != key]
    path.write_text("\n".join(lines).replace("agents:", f"agents:\n  {wrong}"))
    (tmp_path / "nats.creds").write_text(CREDENTIALS)
    with pytest.raises(ConfigurationError) as told:
        load(path, {})
    assert "hunter22" not in str(told.value)
    assert f"agents.{key}" in str(told.value)


def test_a_missing_library_is_a_problem_of_check():
    found = Configuration(agents=AGENTS, targets=(Target(id="shop", http=HTTP),))
    (problem,) = extras.missing_libraries(found, nats="installed_nowhere")
    assert str(problem) == "agents: nats-py is not installed: pip install 'watchkeeper[nats]'"
    assert not [*extras.missing_libraries(replace(found, agents=None), nats="installed_nowhere")]
