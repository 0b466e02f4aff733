"""Tokens that are made and revoked while a runtime runs. They last as long as its store; without a file, as long as it."""

import logging
import threading
from collections.abc import Callable
from typing import TypeAlias

from ...actors.ports import Clock
from ...adapters.configuration.tokens import digest_of, new_token
from ...adapters.stores.token_file import identity_of, read_tokens, write_tokens
from ...domain import limits
from ...domain.errors import ConfigurationError, StoreError, UnknownName
from ...domain.specification.web import IssuedToken, RoleLike, Token

logger = logging.getLogger(__name__)


_File: TypeAlias = tuple[str | None, tuple[int, int, int] | None]
"""A store and the identity of its file of tokens: another process of the same store may write it."""


class IssuedTokens:
    """Knows the tokens of one store. Reading looks whether the file has changed, and reads it then; a change writes it, under a lock."""

    def __init__(self, store: Callable[[], str | None], clock: Clock) -> None:
        """`store` returns the path of the present store, None without a file."""
        self._store = store
        self._clock = clock
        self._guard = threading.Lock()
        # Replaced whole, so that it is read without the lock: the file, its tokens, and why they could not be read.
        self._loaded: tuple[_File, tuple[IssuedToken, ...], StoreError | None] | None = None

    def all(self) -> tuple[IssuedToken, ...]:
        """Returns the tokens, by name. A file that cannot be read is logged once, and opens nothing."""
        loaded = self._loaded
        if loaded is not None and loaded[0] == _file_of(self._store()):
            return loaded[1]
        with self._guard:
            return self._known()[0]

    def _known(self) -> tuple[tuple[IssuedToken, ...], StoreError | None]:
        store = self._store()
        # Before reading: a file that another process writes meanwhile is read again at the next look.
        file = _file_of(store)
        if self._loaded is None or self._loaded[0] != file:
            tokens: tuple[IssuedToken, ...] = ()
            error: StoreError | None = None
            try:
                tokens = () if store is None else read_tokens(store)
            except StoreError as caught:
                error = caught
                logger.error("Tokens that were made at run time are refused: %s", caught)  # noqa: TRY400  # no trace of ours
            self._loaded = file, tokens, error
        return self._loaded[1], self._loaded[2]

    def issue(self, name: str, role: RoleLike, by: str, reserved: int) -> tuple[IssuedToken, str | None]:
        """Makes a token, or gives the one of this name another role; returns it with its secret, where it is new.

        `reserved` tokens of the configuration count towards the most. Blocks until it is durable.

        Raises: ConfigurationError for a name that a token cannot have, and where there are too many; StoreError.
        """
        with self._guard:
            present = self._writable()
            former = next((each for each in present if each.token.name == name), None)
            secret: str | None = None
            if former is None:
                if len(present) + reserved >= limits.TOKENS_MAX:
                    raise ConfigurationError(f"there are {limits.TOKENS_MAX} tokens: revoke one")
                secret = new_token()
                token = Token(name=name, role=role, sha256=digest_of(secret))
                made = IssuedToken(token=token, created_at_ns=self._clock.read().wall_ns, created_by=by)
            else:
                token = Token(name=name, role=role, sha256=former.token.sha256)
                made = IssuedToken(
                    token=token, created_at_ns=former.created_at_ns, created_by=former.created_by
                )
            kept = [each for each in present if each.token.name != name]
            self._replace((*kept, made))
            return made, secret

    def revoke(self, name: str) -> IssuedToken:
        """Ends a token; returns it as it was. Blocks until that is durable. Raises: UnknownName; StoreError."""
        with self._guard:
            present = self._writable()
            for each in present:
                if each.token.name == name:
                    self._replace(tuple(other for other in present if other is not each))
                    return each
            raise UnknownName(f"no token that was made at run time has the name {name!r}")

    def _writable(self) -> tuple[IssuedToken, ...]:
        tokens, error = self._known()
        if error is not None:
            # Writing would drop the tokens that are in the file.
            raise error
        return tokens

    def _replace(self, tokens: tuple[IssuedToken, ...]) -> None:
        store = self._store()
        ordered = tuple(sorted(tokens, key=lambda each: each.token.name))
        if store is not None:
            write_tokens(store, ordered)
        self._loaded = _file_of(store), ordered, None


def _file_of(store: str | None) -> _File:
    return store, None if store is None else identity_of(store)
