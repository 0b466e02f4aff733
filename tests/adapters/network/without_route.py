"""Probes and a webhook on a machine without any route: prints the outcome, reason and detail of each as JSON.

Run in a network of its own, of which not even the loopback is up.
"""

import json
import sys

from watchkeeper.adapters.channels.posting import RecipeMessenger
from watchkeeper.adapters.channels.recipes.webhook import WebhookRecipe
from watchkeeper.adapters.http.curl.transport import CurlTransport
from watchkeeper.adapters.http.fast.engine import FastHttpEngine
from watchkeeper.adapters.net.names import LookedUp, literal_address
from watchkeeper.adapters.net.resolver import Resolver
from watchkeeper.adapters.probes.network.tcp import TcpProber
from watchkeeper.adapters.probes.web.http import HttpProber
from watchkeeper.domain.specification.channel import Webhook
from watchkeeper.domain.specification.probe import Http, Tcp
from watchkeeper.domain.time.moment import Deadline

from tests.adapters.network.conftest import Bench
from tests.adapters.network.held_names import HeldNames
from tests.support.records import notice_of, opened


def main() -> None:
    # The name server of resolv.conf, to which there is no route either.
    bench = Bench("192.0.2.53")
    names = HeldNames()
    names.answer = LookedUp((literal_address("2001:db8::1"), literal_address("192.0.2.1")))
    resolver = Resolver(bench.loop, bench.clock, service=names)
    transport = CurlTransport(bench.loop, bench.clock, bench.call_at, resolver)
    plain = FastHttpEngine(bench.loop, bench.clock, bench.call_at, resolver)
    http, tcp = HttpProber(transport, plain), TcpProber(bench.loop, bench.clock, resolver)
    asked = HttpProber(bench.transport)
    probes = {
        "tcp by address": (tcp, Tcp(host="192.0.2.1", port=80)),
        "tcp by name": (tcp, Tcp(host="shop.example", port=80)),
        "http by address": (http, Http(url="http://192.0.2.1/")),
        "http by name": (http, Http(url="http://shop.example/")),
        "https by address": (http, Http(url="https://192.0.2.1/")),
        "http by address, IPv6": (http, Http(url="http://[2001:db8::1]/")),
        "http by a name that cannot be asked for": (asked, Http(url="http://shop.example/")),
    }
    seen = {name: bench.run(prober, probe, 5_000).seen for name, (prober, probe) in probes.items()}
    verdicts = {name: [one.outcome, one.reason, one.detail] for name, one in seen.items()}
    answer = bench.loop.create_future()
    messenger = RecipeMessenger(WebhookRecipe(Webhook(url="http://shop.example/")), transport, bench.clock)
    messenger.send(
        notice_of(opened()), 1, Deadline.after(bench.clock.read(), 5_000_000_000), answer.set_result
    )
    told = bench.wait(answer)
    json.dump({"probes": verdicts, "webhook": [told.accepted, told.retryable, told.detail]}, sys.stdout)


if __name__ == "__main__":
    main()
