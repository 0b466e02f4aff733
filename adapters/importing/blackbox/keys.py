"""The keys of blackbox_exporter's reference: the part of a template that each comes to, or why it comes to nothing."""

TLS_FILES = {
    "ca_file": "ca_file",
    "cert_file": "certificate_file",
    "key_file": "key_file",
    "server_name": "server_name",
}
"""Keys of `tls_config` that are texts here, too."""
_M = "modules.NAME"
_TLS = {f"tls_config.{key}": f"`tls.{ours}`" for key, ours in TLS_FILES.items()}
_TLS["tls_config.insecure_skip_verify"] = "`tls.verify: false`"
_FAMILY = {
    "preferred_ip_protocol": "both families are tried side by side, unless `ip_protocol_fallback` is false",
    "ip_protocol_fallback": "`address_family` where it is false",
}
_HTTP = {
    "valid_status_codes": "`expect` on `[STATUS]`, by default `2xx`",
    "accept_any_response": "`[CONNECTED] == true` in place of a status",
    "valid_http_versions": "nothing where HTTP/1.1 is among them; otherwise it is listed",
    "method": "`http.method`",
    "headers": "`http.headers`",
    "http_headers": "`http.headers`, its files as `${file:PATH}`",
    "body": "`http.body`",
    "body_file": "`http.body: ${file:PATH}`",
    "body_size_limit": "`http.body_bytes_max`",
    "compression": "nothing: gzip and deflate are undone anyway; others are listed",
    "follow_redirects": "`http.follow_redirects`",
    "no_follow_redirects": "`http.follow_redirects`",
    "fail_if_ssl": "`has([CERTIFICATE_EXPIRATION]) == false`",
    "fail_if_not_ssl": "`has([CERTIFICATE_EXPIRATION]) == true`",
    "fail_if_body_matches_regexp": "`[BODY] != matches(...)`",
    "fail_if_body_not_matches_regexp": "`[BODY] == matches(...)`",
    "fail_if_header_matches": "`[HEADERS].name != matches(...)`; with `allow_missing` and `.*` `has([HEADERS].name) == false`, and otherwise it is listed",
    "fail_if_header_not_matches": "`[HEADERS].name == matches(...)`; `allow_missing` is listed",
    "basic_auth": "`http.basic_auth`, its files as `${file:PATH}`",
    "bearer_token": "`http.bearer`",
    "bearer_token_file": "`http.bearer: ${file:PATH}`",
    "authorization": "`http.headers`",
    **_TLS,
    **_FAMILY,
}
_TCP = {
    "query_response": "`tcp.send` and `tcp.expect`, with a condition for the rest of an expression; `tls.starttls` where it has `starttls`",
    "tls": "the kind `tls`",
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
MAPPED = {
    f"{_M}.prober": "the kind of probe",
    f"{_M}.timeout": "`timeout`",
    **{
        f"{_M}.{prober}.{key}": said
        for prober, keys in (("http", _HTTP), ("tcp", _TCP), ("dns", _DNS), ("icmp", _ICMP))
        for key, said in keys.items()
    },
}
"""Keys that are read, and what they come to."""

_LATER = {
    "min_version": "TLS 1.2 is the oldest version, and a probe of kind `tls` may ask for 1.3",
    "max_version": "the newest version that both speak is used",
}
_SOURCE = "the system chooses the address that is sent from"
_OF_TLS = {f"tls_config.{key}": why for key, why in _LATER.items()}
_LEFT_OF = {
    "http": {
        "fail_if_body_json_matches_cel": "write a condition on `[BODY].path`",
        "fail_if_body_json_not_matches_cel": "write a condition on `[BODY].path`",
        "oauth2": "there is no login by OAuth2",
        "proxy_url": "there are no proxies",
        "no_proxy": "there are no proxies",
        "proxy_from_environment": "there are no proxies",
        "proxy_connect_header": "there are no proxies",
        "skip_resolve_phase_with_proxy": "there are no proxies",
        "use_proxy_dns": "there are no proxies",
        "enable_http2": "HTTP/1.1 is spoken",
        "enable_http3": "HTTP/1.1 is spoken",
        "source_ip_address": _SOURCE,
        **_OF_TLS,
    },
    "tcp": {"source_ip_address": _SOURCE, **_OF_TLS},
    "dns": {"source_ip_address": _SOURCE, **_OF_TLS},
    "icmp": {"source_ip_address": _SOURCE},
    "grpc": {"": "there is no probe by gRPC"},
    "unix": {"": "there is no probe of a local socket"},
}
LEFT = {
    f"{_M}.{prober}.{key}".rstrip("."): why for prober, keys in _LEFT_OF.items() for key, why in keys.items()
}
"""Why keys are not read: each is the reason of all below it."""
