"""HTTP modules of blackbox_exporter: the request, what its answer must be, and how it is reached."""

from base64 import b64decode
from typing import Any

from ..addresses import proxy_address
from ..conditions import matches, status_condition
from ..imported import Placed, literal, placed
from ..source import PeerPart
from .access import Made, family_of, secret_of, size_of, tls_of
from .cel import conditions_of

_VERSIONS = {
    "HTTP/1.0": "1.0",
    "HTTP/1.1": "1.1",
    "HTTP/2": "2",
    "HTTP/2.0": "2",
    "HTTP/3": "3",
    "HTTP/3.0": "3",
}
_COMPRESSIONS = {"identity": "none", "gzip": "gzip", "deflate": "deflate", "br": "br", "zstd": "zstd"}
_BODY = {
    "fail_if_body_matches_regexp": "!=",
    "fail_if_matches_regexp": "!=",
    "fail_if_body_not_matches_regexp": "==",
    "fail_if_not_matches_regexp": "==",
}
_HEADERS = {"fail_if_header_matches": "not_matches", "fail_if_header_not_matches": "matches"}


def http_of(options: PeerPart) -> Made:
    """Returns the `http` probe of a module, and its conditions."""
    method, compression = options.text("method"), options.text("compression")
    if compression not in {None, *_COMPRESSIONS}:
        options.leave("compression", f"there is no compression {compression}")
    headers = _headers(options)
    if compression is not None:
        # It follows from `compression`, and check refuses both.
        headers = {name: text for name, text in headers.items() if name.lower() != "accept-encoding"}
    probe = {
        "method": placed(options, "method", method and method.upper()),
        "headers": headers,
        "body": placed(options, "body", secret_of(options, "body")),
        "follow_redirects": _redirects(options),
        "body_bytes_max": size_of(options, "body_size_limit"),
        **_login(options),
        "proxy": _proxy(options),
        "versions": _versions(options),
        "encryption": _encryption(options),
        "compression": placed(options, "compression", _COMPRESSIONS.get(compression or "")),
        "header_rules": _header_rules(options),
        **family_of(options),
        "tls": tls_of(options.part("tls_config")),
    }
    return Made("http", probe, _conditions(options))


def _conditions(options: PeerPart) -> list[Any]:
    if options.flag("accept_any_response"):
        found = [placed(options, "accept_any_response", "[CONNECTED] == true")]
    else:
        status = status_condition(options.texts("valid_status_codes")) or "[STATUS] == 2xx"
        found = [placed(options, "valid_status_codes", status)]
    for key, sign in _BODY.items():
        for pattern in options.texts(key):
            found.append(placed(options, key, f"[BODY] {sign} {matches(pattern)}"))
    for key, wanted in (
        ("fail_if_body_json_matches_cel", False),
        ("fail_if_body_json_not_matches_cel", True),
    ):
        expression = options.text(key)
        if expression is None:
            continue
        translated = conditions_of(expression, is_wanted=wanted)
        if translated is None:
            options.leave(key, "the expression has no equal conditions: write some on `[BODY].path`")
        found += [placed(options, key, literal(condition)) for condition in translated or ()]
    return found


def _header_rules(options: PeerPart) -> list[Any]:
    return [
        {
            "header": rule.text("header"),
            kind: literal(rule.text("regexp") or ""),
            "may_be_missing": True if rule.flag("allow_missing") else None,
        }
        for key, kind in _HEADERS.items()
        for rule in options.parts(key)
    ]


def _encryption(options: PeerPart) -> Any:
    for key, word in (("fail_if_ssl", "forbidden"), ("fail_if_not_ssl", "required")):
        if options.flag(key):
            return placed(options, key, word)
    return None


def _versions(options: PeerPart) -> Any:
    """Returns the versions that are offered and taken; nothing where any will do."""
    stated = options.texts("valid_http_versions")
    for number, text in enumerate(stated):
        if text not in _VERSIONS:
            options.leave_entry(
                "valid_http_versions", number, "a version such as HTTP/1.1 or HTTP/2.0 is expected here"
            )
    versions = [*dict.fromkeys(_VERSIONS[text] for text in stated if text in _VERSIONS)]
    has_2, has_3 = options.flag("enable_http2", default=True), options.flag("enable_http3")
    if versions:
        return placed(options, "valid_http_versions", versions)
    if has_3:
        return placed(options, "enable_http3", ["3"])
    return None if has_2 else placed(options, "enable_http2", ["1.0", "1.1"])


def _headers(options: PeerPart) -> dict[str, Any]:
    found: dict[str, Any] = {key: literal(text) for key, text in options.pairs("headers").items()}
    several = options.part("http_headers")
    for name in [] if several is None else [*several.value]:
        stated = several.part(name) if several is not None else None
        if stated is None:
            continue
        values = [*map(literal, [*stated.texts("values"), *stated.texts("secrets")])]
        values += [f"${{file:{path}}}" for path in stated.texts("files")]
        found[name] = ", ".join(values)
    authorization = options.part("authorization")
    if authorization is not None:
        kind = authorization.text("type") or "Bearer"
        found["Authorization"] = f"{kind} {secret_of(authorization, 'credentials') or ''}"
    return found


def _login(options: PeerPart) -> dict[str, Any]:
    """Returns the login of a request."""
    login: dict[str, Any] = {"bearer": placed(options, "bearer_token", secret_of(options, "bearer_token"))}
    if (basic := options.part("basic_auth")) is not None:
        user, password = secret_of(basic, "username"), secret_of(basic, "password")
        login["basic_auth"] = {
            "user": user or Placed("", basic.line),
            "password": password or Placed("", basic.line),
        }
    if (oauth := options.part("oauth2")) is not None:
        login["oauth2"] = _oauth2(oauth)
    return login


def _oauth2(oauth: PeerPart) -> dict[str, Any]:
    parameters = {key: literal(text) for key, text in oauth.pairs("endpoint_params").items()}
    if parameters.get("grant_type") == "client_credentials":
        # It is what is asked for anyway.
        del parameters["grant_type"]
    url, client = oauth.text("token_url"), oauth.text("client_id")
    return {
        "token_url": placed(oauth, "token_url", url and literal(url)),
        "client_id": placed(oauth, "client_id", client and literal(client)),
        "client_secret": placed(oauth, "client_secret", secret_of(oauth, "client_secret")),
        "scopes": placed(oauth, "scopes", [*map(literal, oauth.texts("scopes"))]),
        "parameters": parameters,
        "tls": tls_of(oauth.part("tls_config")),
    }


def _proxy(options: PeerPart) -> dict[str, Any]:
    stated = options.text("proxy_url")
    for key in ("skip_resolve_phase_with_proxy", "use_proxy_dns"):
        # The proxy is given the name in any case.
        options.raw(key)
    if not options.flag("proxy_from_environment"):
        options.raw("proxy_from_environment")
    if stated is None:
        return {}
    without = (options.text("no_proxy") or "").split(",")
    return {
        **proxy_address(options, "proxy_url", literal(stated)),
        **_connect_headers(options.part("proxy_connect_header")),
        "except": placed(options, "no_proxy", [literal(each) for text in without if (each := text.strip())]),
    }


def _connect_headers(stated: PeerPart | None) -> dict[str, Any]:
    """Returns the headers of a request for a tunnel; a login by name and password is no header here."""
    found: dict[str, Any] = {}
    for name in [] if stated is None else [*stated.value]:
        text = ", ".join(stated.texts(name)) if stated is not None else ""
        if name.lower() != "proxy-authorization":
            found.setdefault("headers", {})[name] = literal(text)
        elif login := _basic(text):
            found["user"], found["password"] = map(literal, login)
        elif stated is not None:
            stated.leave(name, "a proxy is logged in to by `user` and `password`")
    return found


def _basic(text: str) -> tuple[str, str] | None:
    """Returns the user and the password of a header of basic authentication."""
    kind, _, coded = text.partition(" ")
    try:
        user, colon, password = b64decode(coded.strip(), validate=True).decode().partition(":")
    except ValueError:
        return None
    return (user, password) if kind.lower() == "basic" and colon else None


def _redirects(options: PeerPart) -> Any:
    older = "no_follow_redirects"
    stays, follows = options.flag(older), options.flag("follow_redirects", default=True)
    if not follows:
        return placed(options, "follow_redirects", False)
    return placed(options, older, False) if stays else None
