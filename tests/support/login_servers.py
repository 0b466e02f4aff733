"""Servers that want a login: digest authentication (RFC 7616), and tokens of OAuth 2.0 by client credentials."""

import hashlib
import json
import re
import secrets
from base64 import b64decode
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from hostile.server import HostileServer
from hostile.visit import Visit

DIGESTS = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}
_FIELD = re.compile(r'(\w+)="?([^",]*)"?')


class DigestServer(HostileServer):
    """Answers `/door` to clients that prove the password without sending it."""

    def __init__(self, user: str, password: str, algorithm: str = "SHA-256") -> None:
        super().__init__({"door": self._door})
        self._login = user, password
        self._algorithm = algorithm
        self._nonces: set[str] = set()

    def _hash(self, text: str) -> str:
        return DIGESTS[self._algorithm](text.encode()).hexdigest()

    def _door(self, visit: Visit) -> None:
        said = dict(visit.headers).get("Authorization", "")
        if said.startswith("Digest ") and self._proves(visit, dict(_FIELD.findall(said))):
            visit.answer(body=b"come in")
            return
        nonce = secrets.token_hex(8)
        self._nonces.add(nonce)
        wants = f'Digest realm="door", qop="auth", algorithm={self._algorithm}, nonce="{nonce}"'
        visit.answer("401 Unauthorized", [f"WWW-Authenticate: {wants}"], b"who is there?")

    def _proves(self, visit: Visit, said: dict[str, str]) -> bool:
        user, password = self._login
        who = self._hash(f"{user}:door:{password}")
        what = self._hash(f"{visit.method}:{visit.path}")
        proof = f"{who}:{said['nonce']}:{said['nc']}:{said['cnonce']}:{said['qop']}:{what}"
        return said["nonce"] in self._nonces and said["response"] == self._hash(proof)


class TokenServer(HostileServer):
    """Gives a new token for each request at `/token`, and answers `/shop` to the newest one alone."""

    def __init__(self, client: str, secret: str, **said: Any) -> None:
        super().__init__({"token": self._token, "shop": self._shop})
        self._client = client, secret
        self.said = {"token_type": "Bearer", "expires_in": 3_600, **said}
        self.given: list[str] = []
        self.fields: list[dict[str, str]] = []

    @property
    def token_url(self) -> str:
        return self.url("/token")

    def revoke(self) -> None:
        """Takes no token that was given until now."""
        self.given.append("revoked")

    def asked(self, name: str) -> int:
        """How many requests there were for a path."""
        return sum(heard.path.startswith(f"/{name}") for heard in self.heard)

    def _token(self, visit: Visit) -> None:
        fields = dict(parse_qsl(visit.body.decode()))
        self.fields.append(fields)
        if self._proof(visit, fields) != self._client:
            visit.answer("401 Unauthorized", body=json.dumps({"error": "invalid_client"}).encode())
            return
        self.given.append(f"token-{len(self.given)}-{secrets.token_hex(8)}")
        body = json.dumps({"access_token": self.given[-1], **self.said}).encode()
        visit.answer(headers=["Content-Type: application/json"], body=body)

    @staticmethod
    def _proof(visit: Visit, fields: dict[str, str]) -> tuple[str, str]:
        said = dict(visit.headers).get("Authorization", "")
        if said.startswith("Basic "):
            name, _, secret = b64decode(said.removeprefix("Basic ")).decode().partition(":")
            return unquote_plus(name), unquote_plus(secret)
        return fields.get("client_id", ""), fields.get("client_secret", "")

    def _shop(self, visit: Visit) -> None:
        said = dict(visit.headers).get("Authorization", "")
        if self.given and said == f"Bearer {self.given[-1]}":
            visit.answer(headers=[f"X-Said: {said}"], body=f"hello {said}".encode())
        else:
            visit.answer("401 Unauthorized", body=b"who is there?")
