"""The fields of Uptime Kuma's backup: the part of a target that each comes to, or why it comes to nothing."""

_HTTP = {
    "url": "`http.url`",
    "method": "`http.method`",
    "headers": "`http.headers`",
    "body": "`http.body`",
    "httpBodyEncoding": "the header `Content-Type`",
    "accepted_statuscodes": "`expect` on `[STATUS]`",
    "expiryNotification": "`warn: [CERTIFICATE_EXPIRATION] > 14d`",
    "ignoreTls": "`http.tls.verify: false`",
    "maxredirects": "`http.redirects_max`, or `http.follow_redirects: false` for 0",
    "basic_auth_user": "`http.basic_auth`",
    "basic_auth_pass": "`http.basic_auth`",
    "authMethod": "`basic` alone; others are listed",
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
    "hostname": "`tcp.host`, `icmp.host`, `dns.name`",
    "port": "`tcp.port`, `dns.port`",
    "packetSize": "`icmp.payload_bytes`",
    "dns_resolve_type": "`dns.type`",
    "dns_resolve_server": "`dns.server`, the first of several",
    "pushToken": "`heartbeat.key`, where it has 16 characters or more",
}
MAPPED = {
    "version": "nothing: it says which version wrote the backup",
    **{f"monitorList[].{key}": said for key, said in {**_COMMON, **_HTTP, **_OWN}.items()},
    "notificationList[].name": "the `id` of a channel",
    "notificationList[].config": "a channel `slack`, `discord`, `telegram`, `ntfy`, `pagerduty`, `webhook` or `email`",
    "notificationList[].isDefault": "nothing: each monitor names its notifications",
    "notificationList[].active": "nothing: each monitor names its notifications",
}
"""Fields that are read, and what they come to."""

_LEFT = {
    "proxyId": "there are no proxies",
    "tlsCa": "name a file as `http.tls.ca_file`",
    "tlsCert": "name a file as `http.tls.certificate_file`",
    "tlsKey": "name a file as `http.tls.key_file`",
    "cacheBust": "no parameter is added to a URL",
    "conditions": "write conditions under `expect`",
    "ipFamily": "choose it by `address_family`",
}
_TYPE = "there is no probe for monitors of this type"
_OF_OTHER_TYPES = [
    "docker_container",
    "docker_host",
    "mqttTopic",
    "mqttSuccessMessage",
    "mqttUsername",
    "mqttPassword",
    "mqttCheckType",
    "databaseConnectionString",
    "databaseQuery",
    "grpcUrl",
    "grpcProtobuf",
    "grpcMethod",
    "grpcServiceName",
    "grpcEnableTls",
    "grpcBody",
    "grpcMetadata",
    "radiusUsername",
    "radiusPassword",
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
    "rabbitmqNodes",
    "rabbitmqUsername",
    "rabbitmqPassword",
    "smtpSecurity",
    "wsIgnoreSecWebsocketAcceptHeader",
    "wsSubprotocol",
    "oauth_client_id",
    "oauth_client_secret",
    "oauth_token_url",
    "oauth_scopes",
    "oauth_auth_method",
    "oauth_audience",
    "authDomain",
    "authWorkstation",
    "ping_count",
    "ping_numeric",
    "ping_per_request_timeout",
]
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
    ]
)
"""Fields that say how the page shows a monitor, or what was last seen of it."""
LEFT = {
    "proxyList": "there are no proxies",
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
_OF_HTTP = frozenset((*_HTTP, "proxyId", "tlsCa", "tlsCert", "tlsKey", "cacheBust", "ipFamily"))
OF_TYPES = {
    "http": _OF_HTTP,
    "keyword": _OF_HTTP | {"keyword", "invertKeyword"},
    "json-query": _OF_HTTP | {"jsonPath", "jsonPathOperator", "expectedValue"},
    "port": frozenset({"hostname", "port"}),
    "ping": frozenset({"hostname", "packetSize", "ping_count"}),
    "dns": frozenset({"hostname", "port", "dns_resolve_type", "dns_resolve_server"}),
    "push": frozenset({"pushToken"}),
}
"""The fields that say something of one type alone."""
