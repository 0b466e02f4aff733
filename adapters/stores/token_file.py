"""Tokens that were made while a runtime ran, in a file of mode 0600 beside its store: names, roles and digests."""

import os
from pathlib import Path

import msgspec

from ...domain.errors import StoreError
from ...domain.limits import TOKENS_MAX
from ...domain.specification.web import IssuedToken
from .place import beside, make_state_folder
from .sqlite.files import open_beside, require_own
from .sqlite.head import make_path_durable, replace_file

_BYTES_MAX = 2048 * TOKENS_MAX
"""A token has some 250 bytes; with names of the greatest length in the widest letters 1,300."""


class _TokenFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: int = 1
    tokens: tuple[IssuedToken, ...] = ()


def token_file_path(store: str) -> str:
    """Returns the path of the file that belongs to a store: beside the database itself, wherever a link to that may be."""
    return f"{beside(store)}.tokens"


def identity_of(store: str) -> tuple[int, int, int] | None:
    """Returns the identity of the file as it is now, which changes with every write; None without a file."""
    try:
        found = os.lstat(token_file_path(store))
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def read_tokens(store: str) -> tuple[IssuedToken, ...]:
    """Returns the tokens that belong to a store; none without a file.

    Raises: StoreError for a file that cannot be read, has another form, is a link, or belongs to another user.
    """
    path = token_file_path(store)
    try:
        descriptor = open_beside(path, os.O_RDONLY)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from error
    try:
        content = _content_of(path, descriptor, store)
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from error
    try:
        found = msgspec.json.decode(content, type=_TokenFile)
    except (msgspec.MsgspecError, ValueError) as error:
        raise StoreError(f"{path} is unreadable: {error}: remove it and make new tokens") from error
    if found.version != 1:
        raise StoreError(f"{path} was written by a newer watchkeeper: run that one, or remove the file")
    return found.tokens


def _content_of(path: str, descriptor: int, store: str) -> bytes:
    with os.fdopen(descriptor, "rb") as file:
        # A user who may write to the folder must not become an administrator by it.
        require_own(path, descriptor, store)
        return file.read(_BYTES_MAX + 1)


def write_tokens(store: str, tokens: tuple[IssuedToken, ...]) -> None:
    """Replaces the tokens that belong to a store, and returns once they are durable.

    Raises: StoreError where the file cannot be written.
    """
    path = token_file_path(store)
    try:
        make_state_folder(store)
        replace_file(path, msgspec.json.encode(_TokenFile(tokens=tokens)))
        # A revoked token must not come back with the folder of before a power cut.
        make_path_durable(str(Path(path).parent))
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from error
