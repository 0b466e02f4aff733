"""The keys whose effect only a real server, program, function or file shows: two values, and the effect of each."""

import base64

from of_channels import (
    LONG,
    channel_kind,
    function_timeout,
    hook_header,
    hook_secret,
    hook_url,
    level,
    logger,
    told_function,
)
from of_demands import DEMANDS
from of_dialogues import DIALOGUES
from of_http_access import HTTP_ACCESS
from of_http_steps import REGISTRATIONS, steps_cases
from of_mail import MAIL
from of_network_probes import NETWORK
from of_plugins import PLUGINS
from of_probes import (
    CLIENT,
    allowed,
    authorization,
    body,
    body_bytes_max,
    called,
    client,
    connection,
    family,
    followed,
    headers,
    key_password,
    max_age,
    method,
    output,
    password,
    probe_kind,
    program,
    redirects_max,
    refused_or,
    shell,
    tcp,
    tcp_host,
    tcp_port,
    tls,
    url,
    user,
)
from of_programs import PROGRAMS
from of_receivers import RECEIVERS
from of_servers import SERVERS
from of_smtp import SMTP
from of_ssh import SSH
from of_stores import STORES
from of_the_ping import PING
from of_the_runtime import (
    AFTER_DAYS,
    LONGER,
    SHORTER,
    channel_in_flight,
    debug,
    deny_private,
    grace,
    in_flight,
    kept,
    store,
    threads,
    tls_library,
)
from of_the_web import WEB
from of_web_protocols import WEB_PROTOCOLS
from watched import NOWHERE, Real

REAL: dict[str, Real] = NETWORK | DEMANDS | STORES | SSH | SMTP | WEB_PROTOCOLS | WEB | MAIL | PROGRAMS | PING | REGISTRATIONS | DIALOGUES | SERVERS | HTTP_ACCESS | PLUGINS | {
    "Target.http": Real(probe_kind, ({"tcp": {"host": "127.0.0.1", "port": 9}}, {"http": {"url": NOWHERE}}), ("tcp", "http")),
    "Target.tcp": Real(probe_kind, ({"http": {"url": NOWHERE}}, {"tcp": {"host": "127.0.0.1", "port": 9}}), ("http", "tcp")),
    "Target.exec": Real(probe_kind, ({"http": {"url": NOWHERE}}, {"exec": {"argv": ["/bin/true"]}}), ("http", "exec")),
    "Target.call": Real(probe_kind, ({"http": {"url": NOWHERE}}, {"call": {"name": "one"}}), ("http", "call")),
    "Target.max_age": Real(max_age, ("0s", "1h"), (3, 1)),
    "Http.url": Real(url, ("/healthy", "/status/204"), ("/healthy", "/status/204")),
    "Http.method": Real(method, ("GET", "POST"), ("GET", "POST")),
    "Http.headers": Real(headers, ({}, {"X-Key": "7"}), (None, "7")),
    "Http.body": Real(body, (None, "ping"), (b"", b"ping")),
    "Http.basic_auth": Real(authorization, ({}, {"basic_auth": {"user": "u", "password": "p"}}), (None, "u:p")),
    "BasicAuth.user": Real(user, ("a", "b"), ("a:x", "b:x")),
    "BasicAuth.password": Real(password, ("a", "b"), ("u:a", "u:b")),
    "Http.bearer": Real(authorization, ({}, {"bearer": "t"}), (None, "Bearer t")),
    "Http.follow_redirects": Real(followed, (True, False), (["/redirect/302", "/healthy"], ["/redirect/302"])),
    "Http.redirects_max": Real(redirects_max, (1, 3), (("too_many_redirects", 2), ("too_many_redirects", 4))),
    "Http.body_bytes_max": Real(body_bytes_max, (4_000, 1_000), ("up", "down")),
    "Http.address_family": Real(family, ("ipv6", "ipv4"), ("up", "refused")),
    "Http.connection": Real(connection, ("fresh", "reuse"), (True, False)),
    "Http.tls": Real(lambda folder, value: tls(folder, **value), ({}, {"verify": False}), ("down", "up")),
    "Tls.verify": Real(lambda folder, value: tls(folder, verify=value), (True, False), ("down", "up")),
    "Tls.ca_file": Real(lambda folder, value: tls(folder, ca_file=value), (None, "file"), ("down", "up")),
    "Tls.server_name": Real(lambda folder, value: tls(folder, name="shop.test", ca_file="file", server_name=value),
                            (None, "shop.test"), ("down", "up")),
    "Tls.certificate_file": Real(client, ({}, CLIENT), ("down", "up")),
    "Tls.key_file": Real(client, ({}, CLIENT), ("down", "up")),
    "Tls.key_password": Real(key_password, (None, "sesame"), ("refused", "up")),
    "Tcp.host": Real(tcp_host, ("127.0.0.1", "127.0.0.2"), ("up", "down")),
    "Tcp.port": Real(tcp_port, (True, False), ("up", "down")),
    "Tcp.send": Real(lambda folder, value: tcp(folder, send=value, expect="PONG")[1], ("PING\r\n", "HELLO\r\n"),
                     ([b"PING\r\n"], [b"HELLO\r\n"])),
    "Tcp.expect": Real(lambda folder, value: tcp(folder, send="PING\r\n", expect=value)[0], ("PONG", "NOPE"), ("up", "down")),
    "Tcp.address_family": Real(lambda folder, value: refused_or(lambda: tcp(folder, "::1", address_family=value)[0]),
                               ("ipv6", "ipv4"), ("up", "refused")),
    "Exec.argv": Real(lambda folder, value: program(folder, argv=value), (["/bin/true"], ["/bin/sh", "-c", "exit 2"]), ("up", "down")),
    "Exec.environment": Real(lambda folder, value: shell(folder, 'test "$KEY" = 7 || exit 2', environment=value),
                             ({"KEY": "7"}, {"KEY": "8"}), ("up", "down")),
    "Exec.directory": Real(lambda folder, value: shell(folder, 'test "$(pwd)" = / || exit 2', directory=value),
                           ("/", "/usr"), ("up", "down")),
    "Exec.output_bytes_max": Real(output, (65_536, 100), ("up", "down")),
    "Call.name": Real(called, ("one", "two"), ("one", "two")),
    "RuntimeOptions.allow_exec": Real(allowed, (True, False), (False, True)),
    "Channel.webhook": Real(channel_kind, ({"call": {"name": "one"}}, {"webhook": {"url": NOWHERE}}), (["call"], ["webhook"])),
    "Channel.log": Real(channel_kind, ({"call": {"name": "one"}}, {"log": {}}), (["call"], ["log"])),
    "Channel.call": Real(channel_kind, ({"log": {}}, {"call": {"name": "one"}}), (["log"], ["call"])),
    "Webhook.url": Real(hook_url, ("/healthy", "/status/200"), ("/healthy", "/status/200")),
    "Webhook.secret": Real(hook_secret, (None, "whsec_" + base64.b64encode(bytes(24)).decode()), (False, True)),
    "Webhook.headers": Real(hook_header, ({}, {"X-Key": "7"}), (None, "7")),
    "Log.logger": Real(logger, ("watchkeeper.notices", "elsewhere"), (False, True)),
    "Log.level": Real(level, ("warning", "error"), ("WARNING", "ERROR")),
    "CallChannel.name": Real(told_function, ("one", "two"), ("one", "two")),
    "CallChannel.timeout": Real(function_timeout, (LONG, "100ms"), (False, True)),
    "RuntimeOptions.store": Real(store, (None, "kept.db"), (False, True)),
    "RuntimeOptions.grace": Real(grace, (LONG, "10ms"), (1, 0)),
    "RuntimeOptions.in_flight_max": Real(in_flight, (3, 1), (3, 1)),
    "RuntimeOptions.threads_max": Real(threads, (3, 1), (3, 1)),
    "RuntimeOptions.deny_private_addresses": Real(deny_private, (False, True), ("ok", "address_refused")),
    "RuntimeOptions.tls_library": Real(tls_library, ("openssl", "rustls"), (True, False)),
    "RuntimeOptions.debug": Real(debug, (False, True), (False, True)),
    **RECEIVERS,
    "Channel.in_flight_max": Real(channel_in_flight, (3, 1), (3, 1)),
    "Configuration.runtime": Real(allowed, (True, False), (False, True)),
    "RuntimeOptions.retention": Real(kept("daily"), ("50d", "40d"), (True, False)),
    **{f"Retention.{key}": Real(kept(key), (LONGER[key], SHORTER[key]), (True, False)) for key in AFTER_DAYS},
}  # fmt: skip
REAL |= steps_cases(REAL)
