"""Standard Webhooks: who sent this, when, and that nobody changed it on the way (standardwebhooks.com)."""

import binascii
import hmac
from base64 import b64decode, b64encode

from ...domain.errors import ConfigurationError
from ..exchange import Headers

PREFIX = "whsec_"


def signing_key(secret: str | None) -> bytes | None:
    """The bytes to sign with: decoded after `whsec_`, else the text itself; None without a secret.

    Raises ConfigurationError, which never shows the secret, when what follows `whsec_` is not base64 or is nothing.
    """
    if secret is None:
        return None
    if not secret.startswith(PREFIX):
        key = secret.encode()
    else:
        try:
            key = b64decode(secret.removeprefix(PREFIX), validate=True)
        except binascii.Error as error:
            raise ConfigurationError("the webhook's secret begins with whsec_ but is not base64") from error
    if not key:
        raise ConfigurationError("the webhook's secret is empty: leave it out to send unsigned")
    return key


def signed_headers(identity: str, at_s: int, body: bytes, key: bytes | None) -> Headers:
    """The headers of one attempt; the id stays, the time and with it the signature are the attempt's own."""
    headers = (("webhook-id", identity), ("webhook-timestamp", str(at_s)))
    if key is None:
        return headers
    signed = b".".join((identity.encode(), str(at_s).encode(), body))
    signature = b64encode(hmac.digest(key, signed, "sha256")).decode()
    return (*headers, ("webhook-signature", f"v1,{signature}"))
