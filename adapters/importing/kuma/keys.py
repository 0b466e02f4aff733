"""The fields of Uptime Kuma's backup: the part of a target that each comes to, or why it comes to nothing."""

_HTTP = {
    "url": "`http.url`, `websocket.url`",
    "method": "`http.method`",
    "headers": "`http.headers`, `websocket.headers`",
    "body": "`http.body`",
    "httpBodyEncoding": "the header `Content-Type`",
    "accepted_statuscodes": "`expect` on `[STATUS]`",
    "expiryNotification": "`warn: [CERTIFICATE_EXPIRATION] > 14d`",
    "ignoreTls": "`tls.verify: false`",
    "maxredirects": "`http.redirects_max`, or `http.follow_redirects: false` for 0",
    "basic_auth_user": "`http.basic_auth`",
    "basic_auth_pass": "`http.basic_auth`",
    "authMethod": "`basic`, `oauth2-cc` and `mtls`; others are listed",
    "oauth_token_url": "`http.oauth2.token_url`",
    "oauth_client_id": "`http.oauth2.client_id`",
    "oauth_client_secret": "`http.oauth2.client_secret`",
    "oauth_scopes": "`http.oauth2.scopes`",
    "oauth_auth_method": "`http.oauth2.authentication`",
    "oauth_audience": "`http.oauth2.parameters`",
    "proxyId": "`http.proxy`",
    "ipFamily": "`http.address_family`",
}
_COMMON = {
    "id": "the order of the backup stays",
    "name": "`id` with its groups before it, and `name`",
    "description": "`description`",
    "parent": "`group`",
    "childrenIDs": "`composite.worst_of` of the group",
    "pathName": "`group`",
    "type": "the kind of probe",
    "active": "`paused: true` where it is false",
    "interval": "`every`",
    "retryInterval": "`retry_every`, and with the retries `heartbeat.grace`",
    "maxretries": "`after` of the rule `down`: one more",
    "timeout": "`timeout`; without it four fifths of the interval",
    "upsideDown": "`upside_down`",
    "tags": "`labels`",
    "notificationIDList": "`notify`",
    "resendInterval": "`remind_every` of a route to the channels of the target, in place of `notify`: so many intervals",
}
_OWN = {
    "keyword": "`[BODY] == matches(...)`, letter by letter",
    "invertKeyword": "`[BODY] != matches(...)`",
    "jsonPath": "`[BODY].path == value`, for a path of keys and numbers",
    "jsonPathOperator": "the operator of that condition",
    "expectedValue": "the value of that condition",
    "hostname": "`tcp.host`, `icmp.host`, `dns.name`, `mqtt.host`, `smtp.host`",
    "port": "`tcp.port`, `dns.port`, `mqtt.port`, `smtp.port`",
    "packetSize": "`icmp.payload_bytes`",
    "ping_count": "`icmp.count`",
    "dns_resolve_type": "`dns.type`",
    "dns_resolve_server": "`dns.server`, the first of several",
    "pushToken": "`heartbeat.key`, where it has 16 characters or more",
    "wsSubprotocol": "`websocket.subprotocols`",
    "grpcUrl": "`grpc.host` and `port`",
    "grpcServiceName": "the service of health, `grpc.health.v1.Health`; a monitor of another one is listed",
    "grpcMethod": "its `Check`",
    "grpcProtobuf": "nothing: the health service is known",
    "grpcBody": "`grpc.service`",
    "grpcMetadata": "`grpc.metadata`",
    "grpcEnableTls": "`grpc.tls`",
    "mqttUsername": "`mqtt.user`",
    "mqttPassword": "`mqtt.password`",
    "mqttTopic": "`mqtt.topic`",
    "mqttSuccessMessage": "`mqtt.expect`",
    "mqttCheckType": "`mqtt.expect`, or the condition of a JSON query",
    "databaseConnectionString": "`host`, `port`, `user`, `password` and `database` of `postgres`, `mysql` and `redis`",
    "databaseQuery": "`postgres.query`, `mysql.query`",
    "radiusPassword": "`mysql.password`: the backup has it in this field",
    "smtpSecurity": "`smtp.encryption`",
    "rabbitmqNodes": "`http.url` of the alarms of the first node; others are listed",
    "rabbitmqUsername": "`http.basic_auth`",
    "rabbitmqPassword": "`http.basic_auth`",
}
_PROXY = {
    "id": "the proxies that monitors name",
    "protocol": "`http.proxy.url`; SOCKS4 is listed",
    "host": "`http.proxy.url`",
    "port": "`http.proxy.url`",
    "auth": "`http.proxy.user` and `password`",
    "username": "`http.proxy.user`",
    "password": "`http.proxy.password`",
    "active": "nothing: each monitor names its proxy",
    "default": "nothing: each monitor names its proxy",
}
MAPPED = {
    "version": "nothing: it says which version wrote the backup",
    **{f"monitorList[].{key}": said for key, said in {**_COMMON, **_HTTP, **_OWN}.items()},
    **{f"proxyList[].{key}": said for key, said in _PROXY.items()},
    "notificationList[].name": "the `id` of a channel",
    "notificationList[].config": "a channel `slack`, `discord`, `telegram`, `ntfy`, `pagerduty`, `webhook` or `email`; Apprise, Gotify and Pushover `apprise`",
    "notificationList[].isDefault": "nothing: each monitor names its notifications",
    "notificationList[].active": "nothing: each monitor names its notifications",
}
"""Fields that are read, and what they come to."""

_NO_FILE = "the backup has its text: keep it in a file, and name that as `http.tls."
_NTLM = "there is no login by NTLM"
_LEFT = {
    "tlsCa": f"{_NO_FILE}ca_file`",
    "tlsCert": f"{_NO_FILE}certificate_file`",
    "tlsKey": f"{_NO_FILE}key_file`",
    "cacheBust": "no parameter is added to a URL",
    "conditions": "write conditions under `expect`",
    "authDomain": _NTLM,
    "authWorkstation": _NTLM,
    "wsIgnoreSecWebsocketAcceptHeader": "a server must prove that it has read the handshake",
    "ping_per_request_timeout": "each request has the time of the attempt",
    "domainExpiryNotification": "the registration of a name is watched by a target of its own, of the kind `domain`",
}
_TYPE = "there is no probe for monitors of this type"
_OF_OTHER_TYPES = [
    "docker_container",
    "docker_host",
    "radiusUsername",
    "radiusSecret",
    "radiusCalledStationId",
    "radiusCallingStationId",
    "game",
    "gamedigGivenPortOnly",
    "kafkaProducerTopic",
    "kafkaProducerBrokers",
    "kafkaProducerSsl",
    "kafkaProducerAllowAutoTopicCreation",
    "kafkaProducerMessage",
    "kafkaProducerSaslOptions",
    "remote_browser",
    "snmpOid",
    "snmpVersion",
    "snmpV3Username",
    "mqttWebsocketPath",
    "subtype",
    "system_service_name",
    "manual_status",
]
WITHOUT_PROBE = {
    "docker": "the socket of Docker gives the whole machine: run `docker inspect` by the kind `exec`",
    "gamedig": "there is no probe for games: run a program by the kind `exec`",
    "globalping": "checks from several places are those of several runtimes",
    "kafka-producer": "there is no probe for Kafka: watch the broker by the kind `tcp`",
    "manual": "a state that a person sets is no check",
    "mongodb": "there is no probe for MongoDB: watch its port by the kind `tcp`",
    "oracledb": "there is no probe for Oracle: run the vendor's client by the kind `exec`",
    "radius": "there is no probe for RADIUS: run `radtest` by the kind `exec`",
    "real-browser": "there is no browser: write the requests as `http_steps`, or run a script by the kind `exec`",
    "sip-options": "there is no probe for SIP: run `sipsak` by the kind `exec`",
    "snmp": "there is no probe for SNMP: run `check_snmp` by the kind `exec`",
    "sqlserver": "there is no probe for SQL Server: run the vendor's client by the kind `exec`",
    "steam": "there is no probe for games: run a program by the kind `exec`",
    "system-service": "run `systemctl is-active NAME` by the kind `exec`",
    "tailscale-ping": "watch the address by the kind `icmp`",
}
"""Why monitors of a type have no probe, and what to do; docs/not-done.md has a row for each."""
SHOWN_OR_SEEN = frozenset(
    [
        "forceInactive",
        "weight",
        "dns_last_result",
        "screenshot",
        "includeSensitiveData",
        "maintenance",
        "user_id",
        "expiryNotificationDays",
        "hideCount",
        "childrenIDs",
        "pathName",
        "path",
        "parent",
        "ping_numeric",
    ]
)
"""Fields that say how the page shows a monitor, or what was last seen of it."""
LEFT = {
    **{f"monitorList[].{key}": why for key, why in _LEFT.items()},
    **{f"monitorList[].{key}": _TYPE for key in _OF_OTHER_TYPES},
    **{
        f"monitorList[].{key}": "it says how a monitor is shown, or what was last seen of it"
        for key in sorted(SHOWN_OR_SEEN - _COMMON.keys())
    },
}
"""Why fields are not read. Those of another type of monitor than its own, and those without a value, are not listed one by one."""

KEYS = frozenset((*_COMMON, *_HTTP, *_OWN, *_LEFT, *_OF_OTHER_TYPES))
GENERAL = frozenset((*_COMMON, "conditions"))
"""The fields that say something of every type."""
_QUERIED = frozenset({"jsonPath", "jsonPathOperator", "expectedValue"})
_OF_HTTP = frozenset(
    (
        *_HTTP,
        "tlsCa",
        "tlsCert",
        "tlsKey",
        "cacheBust",
        "authDomain",
        "authWorkstation",
        "domainExpiryNotification",
    )
)
_STORED = frozenset({"databaseConnectionString", "databaseQuery"})
OF_TYPES = {
    "http": _OF_HTTP,
    "keyword": _OF_HTTP | {"keyword", "invertKeyword"},
    "json-query": _OF_HTTP | _QUERIED,
    "port": frozenset({"hostname", "port"}),
    "ping": frozenset({"hostname", "packetSize", "ping_count", "ping_per_request_timeout"}),
    "dns": frozenset({"hostname", "port", "dns_resolve_type", "dns_resolve_server"}),
    "push": frozenset({"pushToken"}),
    "websocket-upgrade": frozenset(
        {"url", "headers", "ignoreTls", "wsSubprotocol", "wsIgnoreSecWebsocketAcceptHeader"}
    ),
    "grpc-keyword": frozenset({"keyword", "invertKeyword", *(key for key in _OWN if key.startswith("grpc"))}),
    "mqtt": frozenset({"hostname", "port", *_QUERIED, *(key for key in _OWN if key.startswith("mqtt"))}),
    "postgres": _STORED,
    "mysql": _STORED | {"radiusPassword"},
    "redis": frozenset({"databaseConnectionString", "ignoreTls"}),
    "smtp": frozenset({"hostname", "port", "smtpSecurity"}),
    "rabbitmq": frozenset({key for key in _OWN if key.startswith("rabbitmq")}),
}
"""The fields that say something of one type alone."""
