"""The effect of each key of requests in steps, and of registrations."""

from pathlib import Path
from typing import Any

from hostile.registry import answering, registration
from of_network_probes import ELSEWHERE
from of_probes import probe_kind, refused_or
from seeing import samples, written
from servers import Authority, web
from watched import NOWHERE, Real, as_a_step, one_target, watching
from watchkeeper import Runtime

LOGIN = {"login": lambda visit: visit.answer(body=b'{"token": "open-sesame"}')}


def in_a_step(case: Real) -> Real:
    """The case of a key of `http`, seen at a request that is the only step."""

    def see(folder: Path, value: Any) -> Any:
        with as_a_step():
            return case.see(folder, value)

    return Real(see, case.values, case.seen)


def visited(folder: Path, *steps: dict[str, Any]) -> list[str]:
    """The paths of the steps that were carried out."""
    with web(**LOGIN) as server:
        each = [{**step, "url": server.url(step["url"])} for step in steps]
        one_target(folder, {"http_steps": {"steps": each}})
        return [heard.path for heard in server.heard]


def step_id(folder: Path, value: str) -> Any:
    probe = {"http_steps": {"steps": [{"id": value, "url": NOWHERE}]}}
    return samples(folder, watching(probe))[0].detail.partition(":")[0]


def captured(folder: Path, value: Any) -> Any:
    use = {"id": "use", "url": "/{{token}}"}
    return visited(folder, {"id": "login", "url": "/login", "capture": {"token": value}}, use)[1:]


def shown(folder: Path, value: bool) -> str:
    with web(**LOGIN) as server:
        step = {
            "id": "login",
            "url": server.url("/login"),
            "capture": {"token": {"of": "[BODY].token", "shown": value}},
        }
        found = samples(folder, watching({"http_steps": {"steps": [step]}}, expect=["[BODY].token == x"]))[0]
        return found.failed[0]


def always(folder: Path, value: bool) -> list[str]:
    return visited(folder, {"id": "a", "url": "/status/500"}, {"id": "b", "url": "/logout", "always": value})[
        1:
    ]


def expected(folder: Path, value: list[str]) -> int:
    return len(visited(folder, {"id": "a", "url": "/status/404", "expect": value}, {"id": "b", "url": "/b"}))


def reused(folder: Path, value: str) -> Any:
    return refused_or(lambda: len(visited(folder, {"id": "a", "url": "/a", "connection": value})))


def steps_cases(http_cases: dict[str, Real]) -> dict[str, Real]:
    """The cases of all keys of a step: its own, and those that it has as every HTTP request."""
    inherited = {
        key.replace("Http.", "HttpStep."): in_a_step(case)
        for key, case in http_cases.items()
        if key.startswith("Http.")
    }
    return inherited | STEPS


STEPS: dict[str, Real] = {
    "Target.http_steps": Real(
        probe_kind, (ELSEWHERE, {"http_steps": {"steps": [{"id": "a", "url": NOWHERE}]}}), ("http", "http_steps")
    ),
    "HttpSteps.steps": Real(
        lambda folder, value: visited(folder, *({"id": path[1:], "url": path} for path in value)),
        (["/a"], ["/a", "/b"]), (["/a"], ["/a", "/b"]),
    ),
    "HttpStep.id": Real(step_id, ("login", "order"), ("step login", "step order")),
    "HttpStep.expect": Real(expected, ([], ["[STATUS] == 404"]), (1, 2)),
    "HttpStep.capture": Real(captured, ("[BODY].token", "[BODY].gone"), (["/open-sesame"], [])),
    "HttpStep.always": Real(always, (False, True), ([], ["/logout"])),
    "HttpStep.connection": Real(reused, ("fresh", "reuse"), (1, "refused")),
    "HttpCapture.of": Real(lambda folder, value: captured(folder, {"of": value}), ("[BODY].token", "[STATUS]"), (["/open-sesame"], ["/200"])),
    "HttpCapture.matches": Real(
        lambda folder, value: captured(folder, {"of": "[BODY].token", "matches": value}),
        (None, "-(.*)"), (["/open-sesame"], ["/sesame"]),
    ),
    "HttpCapture.shown": Real(shown, (False, True), ("[BODY].token (***) == x", "[BODY].token (open-sesame) == x")),
}  # fmt: skip


# Registrations.


def asked(folder: Path, name: str = "shop.example", **fields: Any) -> Any:
    """Outcome, and the path that the registry was asked for."""
    with web(rdap=answering(registration())) as server:
        probe = {"domain": {"name": name, "rdap_server": server.url("/rdap"), **fields}}
        found = one_target(folder, probe)
        return found[0], server.heard[0].path if server.heard else None


def registry_at(folder: Path, path: str) -> Any:
    with web(rdap=answering(registration())) as server:
        return one_target(folder, {"domain": {"name": "shop.example", "rdap_server": server.url(path)}})[0]


def registry_tls(folder: Path, trusted: bool) -> str:
    authority = Authority(folder)
    with authority.web() as server:
        server.answers["rdap"] = answering(registration())
        tls = {"ca_file": authority.file} if trusted else {}
        probe = {"name": "shop.example", "rdap_server": server.url("/rdap"), "tls": tls}
        return one_target(folder, {"domain": probe})[0]


def kind(folder: Path, probe: dict[str, Any]) -> str:
    runtime = Runtime.from_config(written(folder, watching(probe)), {})
    with runtime:
        return runtime.status().targets[0].kind


REGISTRATIONS: dict[str, Real] = {
    "Target.domain": Real(kind, (ELSEWHERE, {"domain": {"name": "a.example", "rdap_server": NOWHERE}}), ("http", "domain")),
    "DomainRegistration.name": Real(
        asked,
        ("shop.example", "b.example"), (("up", "/rdap/domain/shop.example"), ("down", "/rdap/domain/b.example")),
    ),
    "DomainRegistration.rdap_server": Real(registry_at, ("/rdap", "/other"), ("up", "down")),
    "DomainRegistration.tls": Real(registry_tls, (True, False), ("up", "down")),
}  # fmt: skip
