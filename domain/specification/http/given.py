"""The facts and measures that every answer by HTTP gives, to one request or to the last of several."""

FACTS = frozenset(
    {
        "STATUS",
        "BODY",
        "HEADERS",
        "HTTP_VERSION",
        "CONNECTED",
        "RESPONSE_TIME",
        "IP",
        "CERTIFICATE_EXPIRATION",
        "CERTIFICATE",
    }
)
PHASES = ("dns", "connect", "tls", "first_byte", "transfer")
MEASURES = ("response_time", *PHASES, "status", "certificate_expiration")
