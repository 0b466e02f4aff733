"""NATS servers whose clients log in by keys: by NKEYs, and by the JWTs of an operator."""

import base64
import json
import os
import time
from collections.abc import Mapping

import nkeys
from nats_server import OF_OWNERS, OWNER, NatsServer, permissions

ENDLESS = -1
_HEADER = {"typ": "JWT", "alg": "ed25519-nkey"}


class Key:
    """A pair of keys: a seed, and the public name of its holder."""

    def __init__(self, prefix: int) -> None:
        self.seed = nkeys.encode_seed(os.urandom(32), prefix).decode()
        self._pair = nkeys.from_seed(bytearray(self.seed.encode()))
        self.public = self._pair.public_key.decode()

    def jwt(self, holder: "Key", name: str, nats: Mapping[str, object], **claims: object) -> str:
        """Returns what this key says of another one, signed."""
        body = {"jti": name, "iat": int(time.time()), "iss": self.public, "sub": holder.public, "name": name}
        signed = f"{_part(_HEADER)}.{_part({**body, **claims, 'nats': {'version': 2, **nats}})}"
        return f"{signed}.{_text(self._pair.sign(signed.encode()))}"


def _part(plain: Mapping[str, object]) -> str:
    return _text(json.dumps(plain).encode())


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class NkeyServer(NatsServer):
    """A server that knows its clients by their public keys."""

    def __init__(self, *locations: str) -> None:
        super().__init__(*locations)
        self.keys = {name: Key(nkeys.PREFIX_BYTE_USER) for name in (OWNER, *locations)}

    def logins(self) -> dict[str, object]:
        users = [
            {"nkey": key.public, "permissions": OF_OWNERS if name == OWNER else permissions(name)}
            for name, key in self.keys.items()
        ]
        return {"accounts": {"watch": {"users": users}}}

    def credentials(self, name: str) -> str:
        """Returns the text by which the owner, or the agent of a location, logs in."""
        return self.keys[name].seed


class JwtServer(NatsServer):
    """A server that believes what an operator has signed, with the account of one fleet in its memory."""

    def __init__(self, *locations: str) -> None:
        super().__init__(*locations)
        self.operator, self.account = Key(nkeys.PREFIX_BYTE_OPERATOR), Key(nkeys.PREFIX_BYTE_ACCOUNT)

    def logins(self) -> dict[str, object]:
        names = ("subs", "data", "payload", "imports", "exports", "conn", "leaf")
        limits = dict.fromkeys(names, ENDLESS) | {"wildcards": True}
        operator = self.operator.jwt(self.operator, "operator", {"type": "operator"})
        account = self.operator.jwt(self.account, "watch", {"type": "account", "limits": limits})
        return {
            "operator": operator,
            "resolver": "MEMORY",
            "resolver_preload": {self.account.public: account},
        }

    def credentials(self, name: str, signer: Key | None = None, **claims: object) -> str:
        """Returns the text of the credentials file of the owner, or of the agent of a location; another key may have signed it."""
        user = Key(nkeys.PREFIX_BYTE_USER)
        may = OF_OWNERS if name == OWNER else permissions(name)
        nats = {
            "type": "user",
            "pub": may["publish"] if isinstance(may["publish"], dict) else {"allow": may["publish"]},
            "sub": {"allow": may["subscribe"]},
            **dict.fromkeys(("subs", "data", "payload"), ENDLESS),
        }
        jwt = (signer or self.account).jwt(user, name, nats, **claims)
        return self.file(jwt, user.seed)

    @staticmethod
    def file(jwt: str, seed: str) -> str:
        """Returns a credentials file as the tools of NATS write it."""
        return (
            f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
            "************************* IMPORTANT *************************\n"
            "NKEY Seed printed below can be used to sign and prove identity.\n"
            "NKEYs are sensitive and should be treated as secrets.\n\n"
            f"-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n\n"
            "*************************************************************\n"
        )
