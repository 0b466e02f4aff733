"""The kinds of probe that are measured alone, each with a light server of its own on the core of the servers."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple, TypeAlias

import names
import nginx
from talking import Talking
from watchkeeper.domain.specification.probe import Exec
from watchkeeper.domain.specification.probes.kinds import Probe
from watchkeeper.domain.specification.probes.plugin import Plugin
from watchkeeper.domain.specification.probes.redis import Redis
from watchkeeper.domain.specification.probes.servers.imap import Imap
from watchkeeper.domain.specification.probes.servers.mqtt import Mqtt
from watchkeeper.domain.specification.probes.servers.mysql import Mysql
from watchkeeper.domain.specification.probes.servers.postgres import Postgres
from watchkeeper.domain.specification.probes.smtp import Smtp
from watchkeeper.domain.specification.probes.ssh import Ssh
from watchkeeper.domain.specification.probes.udp import Udp
from watchkeeper.domain.specification.probes.web.grpc import Grpc
from watchkeeper.domain.specification.probes.web.http_steps import HttpStep, HttpSteps
from watchkeeper.domain.specification.probes.web.registration import DomainRegistration
from watchkeeper.domain.specification.probes.web.websocket import WebSocket

ROOT = Path(__file__).parents[1]
# The servers of the tests. Behind this folder, which has modules of the same names.
sys.path.append(str(ROOT / "tests" / "support"))

from health_server import health_server  # noqa: E402
from hostile.brokers import Broker, Mailboxes  # noqa: E402
from hostile.databases import Mysql as MysqlServer  # noqa: E402
from hostile.databases import Postgres as PostgresServer  # noqa: E402
from hostile.keys import KeyServer  # noqa: E402
from hostile.registry import Registry, registration  # noqa: E402
from hostile.server import HostileServer  # noqa: E402
from hostile.stores import Store  # noqa: E402
from hostile.visit import Visit  # noqa: E402
from websocket_server import WebSocketServer  # noqa: E402

HOST = "127.0.0.1"
REACHED = ("[CONNECTED] == true", "[RESPONSE_TIME] < 2000")


class Place(NamedTuple):
    """The place of the servers of a measurement."""

    core: int
    folder: Path
    web: nginx.Nginx


Serving: TypeAlias = Callable[[Place], AbstractContextManager[Probe]]


@contextmanager
def _udp(place: Place) -> Iterator[Probe]:
    with names.Names(place.core) as server:
        # Answered as any other text is: two bytes, a head, the text again, and a record.
        yield Udp(host=HOST, port=server.port, send="is anybody there?")


@contextmanager
def _ssh(_: Place) -> Iterator[Probe]:
    with KeyServer() as server:
        yield Ssh(host=HOST, port=server.port, fingerprints=[server.fingerprint])


@contextmanager
def _smtp(place: Place) -> Iterator[Probe]:
    with Talking(place.core) as server:
        yield Smtp(host=HOST, port=server.port, encryption="none")


@contextmanager
def _redis(_: Place) -> Iterator[Probe]:
    with HostileServer(greeting=Store()) as server:
        yield Redis(host=HOST, port=server.port, command=["LLEN", "jobs"])


@contextmanager
def _imap(_: Place) -> Iterator[Probe]:
    with HostileServer(greeting=Mailboxes()) as server:
        yield Imap(host=HOST, port=server.port, encryption="none")


@contextmanager
def _mqtt(_: Place) -> Iterator[Probe]:
    with HostileServer(greeting=Broker()) as server:
        yield Mqtt(host=HOST, port=server.port, topic="shop/jobs")


@contextmanager
def _postgres(_: Place) -> Iterator[Probe]:
    with HostileServer(greeting=PostgresServer()) as server:
        yield Postgres(
            host=HOST, port=server.port, user="watch", database="shop", query="SELECT count(*) FROM jobs"
        )


@contextmanager
def _mysql(_: Place) -> Iterator[Probe]:
    with HostileServer(greeting=MysqlServer()) as server:
        yield Mysql(host=HOST, port=server.port, user="watch", query="SELECT count(*) FROM jobs")


@contextmanager
def _websocket(_: Place) -> Iterator[Probe]:
    with WebSocketServer() as server:
        yield WebSocket(url=f"{server.url}/", send="hello", expect="you said hello")


@contextmanager
def _grpc(_: Place) -> Iterator[Probe]:
    with health_server() as (port, _without):
        yield Grpc(host=HOST, port=port)


@contextmanager
def _http_steps(place: Place) -> Iterator[Probe]:
    first = HttpStep(id="look", url=place.web.url(0), capture={"queue": "[BODY].queue"})
    second = HttpStep(
        id="use", url=place.web.url(0, path="/{{queue}}"), expect=["[STATUS] == 200", "[BODY].status == ok"]
    )
    yield HttpSteps(steps=[first, second])


@contextmanager
def _domain(_: Place) -> Iterator[Probe]:
    # The registry is the measurement's own, and may be asked as often as it likes; the process that is measured does the same.
    DomainRegistration.every_ns_min = 0
    with HostileServer({"rdap": Registry(registration())}) as server:
        yield DomainRegistration(name="shop.example", rdap_server=server.url("/rdap"))


@contextmanager
def _plugin(_: Place) -> Iterator[Probe]:
    def serve(visit: Visit) -> None:
        visit.read_something()
        visit.send(b"7\n")
        visit.wait_for_client_to_leave()

    with HostileServer(greeting=serve) as server:
        yield Plugin(name="shop-queue", settings={"host": HOST, "port": server.port})


@contextmanager
def _exec(_: Place) -> Iterator[Probe]:
    yield Exec(argv=["/bin/true"])


class Kind(NamedTuple):
    """One that is measured at a modest rate; `expect` is judged of each sample."""

    serving: Serving
    per_s: int = 100
    expect: tuple[str, ...] = REACHED


KINDS = {
    "grpc": Kind(_grpc, 200),
    "udp": Kind(_udp, 400, REACHED[1:]),
    "ssh": Kind(_ssh, 20),
    "smtp": Kind(_smtp, 400),
    "redis": Kind(_redis),
    "imap": Kind(_imap),
    "mqtt": Kind(_mqtt),
    "postgres": Kind(_postgres),
    "mysql": Kind(_mysql),
    "websocket": Kind(_websocket, 50),
    "http_steps": Kind(_http_steps, 200),
    "domain": Kind(_domain, expect=("[DOMAIN_EXPIRATION] > 720h", "[RESPONSE_TIME] < 2000")),
    "plugin": Kind(_plugin, expect=REACHED[1:]),
    "exec": Kind(_exec, 20, REACHED[1:]),
}
"""By the key of a target."""


def installed_plugin(folder: Path) -> Path:
    """Returns a folder of packages with the example of a kind of probe of one's own, as an installer leaves it."""
    packages = folder / "packages"
    metadata = packages / "shop_queue-1.0.dist-info"
    metadata.mkdir(parents=True, exist_ok=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: shop-queue\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[watchkeeper.probes]\nshop-queue = shop_queue:ShopQueue\n")
    example = ROOT / "examples" / "own_probe" / "shop_queue.py"
    (packages / "shop_queue.py").write_bytes(example.read_bytes())
    return packages
