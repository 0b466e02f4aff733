"""Tokens of a runtime that another process runs, made and revoked over its API."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..domain.specification.web import RoleLike
from ..host.surface import sync_alone

if TYPE_CHECKING:
    from .answers import MadeToken, TokenRow


class TokenVerbs:
    """The part of a connection that needs the role admin."""

    _ask: Callable[..., Any]
    _listed: Callable[..., Any]

    @sync_alone
    def tokens(self) -> "tuple[TokenRow, ...]":
        """Returns the tokens of the configuration and those made at run time, by name and without their secrets."""
        from .answers import TokenRow

        rows: tuple[TokenRow, ...] = self._listed("/tokens", TokenRow)
        return rows

    @sync_alone
    def issue_token(self, name: str, role: RoleLike, *, by: str = "") -> "MadeToken":
        """Makes a token, whose secret is in this answer alone; gives one that exists another role, without a secret."""
        from .answers import MadeToken

        made: MadeToken = self._ask("PUT", _of_token(name), MadeToken, body={"role": role}, by=by)
        return made

    @sync_alone
    def revoke_token(self, name: str, *, by: str = "") -> "TokenRow":
        """Ends a token that was made at run time, its sessions and its event streams; returns it as it was."""
        from .answers import TokenRow

        gone: TokenRow = self._ask("DELETE", _of_token(name), TokenRow, by=by)
        return gone


def _of_token(name: str) -> str:
    return f"/tokens/{quote(name, safe='')}"
