"""Standard Webhooks: who sent this, when, and that nobody changed it on the way (standardwebhooks.com)."""

import hmac
from base64 import b64decode, b64encode

from ..http.exchange import Headers

PREFIX = "whsec_"


def signing_key(secret: str | None) -> bytes | None:
    """The bytes to sign with: decoded after `whsec_`, else the text itself; None without a secret."""
    if secret is None:
        return None
    coded = secret.removeprefix(PREFIX)
    return secret.encode() if coded == secret else b64decode(coded)


def signed_headers(identity: str, at_s: int, body: bytes, key: bytes | None) -> Headers:
    """The headers of one attempt; the id stays, the time and with it the signature are the attempt's own."""
    headers = (("webhook-id", identity), ("webhook-timestamp", str(at_s)))
    if key is None:
        return headers
    signed = b".".join((identity.encode(), str(at_s).encode(), body))
    signature = b64encode(hmac.digest(key, signed, "sha256")).decode()
    return (*headers, ("webhook-signature", f"v1,{signature}"))
