"""Documents that are nearly right: the keys of a specification or of a peer's reference, with values of which some are nonsense."""

from collections.abc import Iterable
from copy import deepcopy
from random import Random
from typing import Any

from msgspec import inspect
from watchkeeper.domain.specification.configuration import Configuration
from watchkeeper.domain.specification.construction.shape_words import plain_types

NONSENSE = (
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        1e308,
        10**30,
        3.5,
        "",
        " ",
        "inf",
        "nan",
        "-1",
        "\0x",
        "\x85\u2028",
        "\n",
    ),
    *(
        "[",
        "${",
        "$",
        "${X}",
        "${each}",
        "$HOME",
        "#x",
        "a: b",
        "- ",
        "((((",
        "[BODY",
        "9" * 400,
        "x" * 5_000,
    ),
    *("/", "//", "http://[", "http://a:b:c@d:99999/", "https://u:p@h/", "NOPE", [], {}, [1], [None], [[]]),
    *({"a": 1}, {"a": {"b": []}}, ["x", 1, None], {"": ""}, ["a", "a"]),
)
TEXTS = (
    *("a", "b", "30s", "5m", "99%", "200", "200-299", "GET", "h.example", "1.1.1.1", "https://a.example/x"),
    *(
        "tcp://h:1",
        "icmp://h",
        "udp://h:3",
        "starttls://m:25",
        "[STATUS] == 200",
        "a=b",
        "target=~.+",
        "x" * 20,
    ),
    *("Europe/Berlin", "0 3 * * *", "*-*-* 03:00", "23:00", "monday", "2026-01-01T00:00:00Z", "/srv/x"),
    *("slack", "email", "critical", "probe_success == 0", "avg_over_time(probe_duration_seconds[5m]) > 1"),
    *("http", "tcp", "icmp", "dns", "tls", "push", "ping", "port", "keyword", "json-query", "group"),
    *("grpc", "grpc-keyword", "mqtt", "postgres", "mysql", "redis", "smtp", "rabbitmq", "websocket-upgrade"),
    *(
        "wss://h.example/a",
        "grpcs://h:1",
        "ssh://h",
        "tls://h:1",
        "socks5h",
        "oauth2-cc",
        "secure",
        "Health",
        "Check",
    ),
    *(
        "postgres://u:p@h:5432/d?sslmode=require",
        "redis://h/1",
        "mqtt://h",
        "tcp://192.0.2.53:53",
        "HTTP/2.0",
        "TLS12",
    ),
    *(
        "[CONTEXT].a.b",
        "[BODY].id",
        "[DOMAIN_EXPIRATION] > 720h",
        "[CERTIFICATE_EXPIRATION] > 48h",
        "1h",
        "gzip",
        "ip4",
    ),
    *(
        "body.a == 'b' && has(body.c)",
        "!(body.a) || size(body.b) > 1",
        "^+OK ([^ ]+)",
        "PONG ${1} $$",
        "Basic dTpw",
    ),
    *('{"service": "shop"}', '["https://h.example"]'),
)
OF_SPECIFICATION = inspect.type_info(Configuration)


class AnyDocument:
    """Draws one document. The same seed draws the same one."""

    def __init__(self, seed: int) -> None:
        self._dice = Random(seed)
        self._nonsense = self._dice.random() / 4

    def _is_nonsense(self) -> bool:
        return self._dice.random() < self._nonsense

    def of_specification(self, kind: inspect.Type = OF_SPECIFICATION) -> Any:
        """Returns plain data in the form of a specification, at first of a whole configuration."""
        if kind is not OF_SPECIFICATION and self._is_nonsense():
            return deepcopy(self._dice.choice(NONSENSE))
        match self._dice.choice([*plain_types(kind)]):
            case inspect.StructType(cls=cls, fields=fields):
                return self._mapping(cls, fields)
            case inspect.VarTupleType(item_type=item):
                return [self.of_specification(item) for _ in range(self._dice.randrange(4))]
            case inspect.DictType(value_type=value):
                return {key: self.of_specification(value) for key in self._dice.sample(["a", "A-b", ""], 2)}
            case inspect.LiteralType(values=values):
                return self._dice.choice(values)
            case inspect.BoolType():
                return self._dice.choice([True, False])
            case inspect.IntType() | inspect.FloatType():
                return self._dice.choice([0, 1, 2, 80, 443, 0.5, 99.9])
            case _:
                return self._dice.choice(TEXTS)

    def _mapping(self, cls: Any, fields: Iterable[inspect.Field]) -> dict[str, Any]:
        one_of = getattr(cls, "one_of", ())
        chosen = self._dice.choice(one_of) if one_of else None
        found = {}
        for field in fields:
            name = field.encode_name
            is_stated = name == chosen if name in one_of else field.required or self._dice.random() < 0.4
            if is_stated is not self._is_nonsense():
                found[name] = self.of_specification(field.type)
        return found

    def of_keys(self, keys: Iterable[str]) -> dict[str, Any]:
        """Returns a document with some of these keys, written as `endpoints[].dns.query-type` and `modules.NAME.timeout`."""
        share, document = self._dice.random(), {}
        for key in keys:
            if self._dice.random() < share:
                self._put(document, key.replace("[]", ".[]").split("."))
        return document

    def _put(self, node: dict[str, Any], steps: list[str]) -> None:
        step, *below = steps
        if step == "NAME":
            step = self._dice.choice(["one", "two"])
        if not below:
            # A copy: what is put below it later is not to stand in the next document.
            node[step] = deepcopy(self._dice.choice(NONSENSE if self._is_nonsense() else TEXTS))
        elif below[0] != "[]":
            inner = node.setdefault(step, {})
            if isinstance(inner, dict):
                self._put(inner, below)
        elif below[1:]:
            entries = node.setdefault(step, [])
            if isinstance(entries, list):
                at = self._dice.randrange(3)
                entries += [{} for _ in range(at + 1 - len(entries))]
                if isinstance(entries[at], dict):
                    self._put(entries[at], below[1:])
        else:
            node[step] = [self._dice.choice(TEXTS)]
