"""Tokens of the web door: made here, kept in a configuration as digests alone."""

import base64
from hashlib import sha256
from secrets import token_bytes


def new_token() -> str:
    """Returns a new token: `wk_`, 32 random bytes in base 32, and 6 characters of their checksum."""
    body = base64.b32encode(token_bytes(32)).decode().rstrip("=").lower()
    checksum = base64.b32encode(sha256(body.encode()).digest()).decode()[:6].lower()
    return f"wk_{body}{checksum}"


def new_link_secret() -> str:
    """Returns the secret of a login link: 16 random bytes, so that the link stays on one line of a terminal."""
    return base64.b32encode(token_bytes(16)).decode().rstrip("=").lower()


def digest_of(token: str) -> str:
    """Returns the digest of a token, as a configuration holds it; any text has one."""
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
