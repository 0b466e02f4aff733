"""Values of a configuration as output may show them."""

from collections.abc import Iterable
from typing import Any

from ...adapters.configuration.loading import Examined
from ...adapters.masking import SecretMask, secrets_in
from ...domain.line import MASK
from ...domain.specification.problem import Path
from ...domain.specification.remote.agents import shown_servers
from ...domain.store_place import shown_store

HIDDEN = frozenset(
    {
        "password",
        "key_password",
        "bearer",
        "secret",
        "token",
        "routing_key",
        "sha256",
        "credentials",
        "client_secret",
    }
)
"""Under these keys stands nothing else than a secret."""


class Redaction:
    """Masks secrets by their keys and wherever else they stand."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """A value that is a secret as a whole is masked however short it is."""
        self._secrets = frozenset(secrets) - {""}
        self._mask = SecretMask()
        self._mask.learn(self._secrets)

    @classmethod
    def of(cls, *sources: Examined) -> "Redaction":
        """Returns what hides the secrets of all these configurations."""
        secrets: set[str] = set()
        for source in sources:
            secrets |= source.secrets
            if source.configuration is not None:
                secrets |= set(secrets_in(source.configuration))
        return cls(secrets)

    def __call__(self, path: Path, value: Any) -> Any:
        """Returns plain data as it may be shown; the path ends with its key."""
        match value:
            case dict():
                return {key: self((*path, key), each) for key, each in value.items()}
            case list() | tuple():
                return [self((*path, at), each) for at, each in enumerate(value)]
            case str():
                return self._text(path, value)
            case _:
                return MASK if value is not None and _is_hidden(path) else value

    def _text(self, path: Path, text: str) -> str:
        if path and path[-1] == "store":
            text = shown_store(text)
        elif path[-2:] == ("agents", "nats"):
            text = shown_servers(text)
        if text in self._secrets or (text and _is_hidden(path)):
            return MASK
        return self._mask(text)


def _is_hidden(path: Path) -> bool:
    key = next((step for step in reversed(path) if isinstance(step, str)), "")
    if "settings" in path:
        # A package may call its secrets as it likes.
        return True
    # `key` is one of a heartbeat alone; its pings need nothing else.
    if "cookies" in path:
        return True
    # A captured value may have any name, and its place is no secret.
    return (key in HIDDEN and "capture" not in path) or (key == "key" and "heartbeat" in path)
