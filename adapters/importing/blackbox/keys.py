"""The keys of blackbox_exporter's reference: the part of a template that each comes to, or why it comes to nothing."""

from .access import TLS_FILES

_M = "modules.NAME"
_TLS = {f"tls_config.{key}": f"`tls.{ours}`" for key, ours in TLS_FILES.items()}
_TLS |= {
    "tls_config.insecure_skip_verify": "`tls.verify: false`",
    "tls_config.min_version": "`tls.minimum_version`",
}
_FAMILY = {
    "preferred_ip_protocol": "`address_family`: `prefer_ipv4`, `prefer_ipv6`; where it is not stated both are tried side by side",
    "ip_protocol_fallback": "`address_family`: `ipv4`, `ipv6` where it is false",
}
_HTTP = {
    "valid_status_codes": "`expect` on `[STATUS]`, by default `2xx`",
    "accept_any_response": "`[CONNECTED] == true` in place of a status",
    "valid_http_versions": "`http.versions`",
    "method": "`http.method`",
    "headers": "`http.headers`",
    "http_headers": "`http.headers`, its files as `${file:PATH}`",
    "body": "`http.body`",
    "body_file": "`http.body: ${file:PATH}`",
    "body_size_limit": "`http.body_bytes_max`",
    "compression": "`http.compression`, in place of a header `Accept-Encoding`",
    "follow_redirects": "`http.follow_redirects`",
    "no_follow_redirects": "`http.follow_redirects`",
    "fail_if_ssl": "`http.encryption: forbidden`",
    "fail_if_not_ssl": "`http.encryption: required`",
    "fail_if_body_matches_regexp": "`[BODY] != matches(...)`",
    "fail_if_body_not_matches_regexp": "`[BODY] == matches(...)`",
    "fail_if_matches_regexp": "`[BODY] != matches(...)`: the older name of the key",
    "fail_if_not_matches_regexp": "`[BODY] == matches(...)`: the older name of the key",
    "fail_if_body_json_matches_cel": "conditions on `[BODY].path`, for comparisons and tests of a path each that are joined by `||`",
    "fail_if_body_json_not_matches_cel": "conditions on `[BODY].path`, for those that are joined by `&&`; others are listed",
    "fail_if_header_matches": "`http.header_rules` with `not_matches`; `allow_missing` is `may_be_missing`",
    "fail_if_header_not_matches": "`http.header_rules` with `matches`; `allow_missing` is `may_be_missing`",
    "basic_auth": "`http.basic_auth`, its files as `${file:PATH}`",
    "bearer_token": "`http.bearer`",
    "bearer_token_file": "`http.bearer: ${file:PATH}`",
    "authorization": "`http.headers`",
    "oauth2": "`http.oauth2`, its files as `${file:PATH}`",
    "proxy_url": "`http.proxy.url`, `user` and `password`",
    "no_proxy": "`http.proxy.except`",
    "proxy_connect_header": "`http.proxy.headers`",
    "skip_resolve_phase_with_proxy": "nothing: the proxy is given the name",
    "use_proxy_dns": "nothing: the proxy is given the name",
    "enable_http2": "`http.versions: [1.0, 1.1]` where it is false",
    "enable_http3": "`http.versions: [3]`",
    **_TLS,
    **_FAMILY,
}
_TCP = {
    "query_response": "`tcp.dialogue`; the kind `tls` with `starttls` where nothing follows the handshake",
    "query_response[].expect": "`expect` of a step; a group that a text uses is captured under a name",
    "query_response[].send": "`send` of a step, with the line end that is sent there; `${1}` is `{{name}}`",
    "query_response[].starttls": "`starttls` of a step",
    "tls": "`tcp.tls`; without a dialogue the kind `tls`",
    **_TLS,
    **_FAMILY,
}
_DNS = {
    "query_name": "`dns.name`",
    "query_type": "`dns.type`",
    "query_class": "nothing where it is IN",
    "transport_protocol": "`dns.transport`",
    "dns_over_tls": "`dns.transport: tls`",
    "recursion_desired": "`dns.recursion`",
    "valid_rcodes": "`dns.rcodes`",
    "validate_answer_rrs": "`dns.answer`: `none_match`, `not_all_match`, `all_match`, `any_match`",
    "validate_authority_rrs": "`dns.authority`, in the same way",
    "validate_additional_rrs": "`dns.additional`, in the same way",
    **_TLS,
    **_FAMILY,
}
_ICMP = {
    "payload_size": "`icmp.payload_bytes`",
    "ttl": "`icmp.ttl`",
    "dont_fragment": "`icmp.dont_fragment`",
    **_FAMILY,
}
_GRPC = {
    "service": "`grpc.service`",
    "tls": "`grpc.tls`",
    **_TLS,
    **_FAMILY,
}
MAPPED = {
    f"{_M}.prober": "the kind of probe",
    f"{_M}.timeout": "`timeout`",
    **{
        f"{_M}.{prober}.{key}": said
        for prober, keys in (("http", _HTTP), ("tcp", _TCP), ("dns", _DNS), ("icmp", _ICMP), ("grpc", _GRPC))
        for key, said in keys.items()
    },
}
"""Keys that are read, and what they come to."""

_SOURCE = "the system chooses the address that is sent from"
_OF_TLS = {"tls_config.max_version": "the newest version that both speak is used"}
_LEFT_OF = {
    "http": {
        "proxy_from_environment": "a proxy is named under `http.proxy.url`, and none is taken from the environment",
        "oauth2.proxy_url": "a token is asked for by the proxy of the request",
        "source_ip_address": _SOURCE,
        **_OF_TLS,
    },
    "tcp": {
        "query_response[].labels": "no label is made of an answer",
        "source_ip_address": _SOURCE,
        **_OF_TLS,
    },
    "dns": {"source_ip_address": _SOURCE, **_OF_TLS},
    "icmp": {"source_ip_address": _SOURCE},
    "grpc": {"source_ip_address": _SOURCE, **_OF_TLS},
    "unix": {"": "there is no probe of a local socket"},
}
LEFT = {
    f"{_M}.{prober}.{key}".rstrip("."): why for prober, keys in _LEFT_OF.items() for key, why in keys.items()
}
"""Why keys are not read: each is the reason of all below it."""
