"""The answers about tokens and what may be asked, apart from the routes: clients read them without the web libraries."""

from datetime import datetime
from typing import Literal

import msgspec

from ...domain.public_value import PublicValue
from ...domain.specification.web import Role

NEW_NAME = r"[A-Za-z0-9_][A-Za-z0-9._@-]{0,63}"
"""The names of tokens that are made over the API: each stands in lines of the log, as it is."""


class TokenBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The right that a token gives."""

    role: Role


class TokenRow(PublicValue, frozen=True, kw_only=True):
    """A token without its secret and its digest."""

    name: str
    role: Role
    origin: Literal["configuration", "api"]
    """Where it is kept; the API changes its own alone."""
    created_at: datetime | None
    """When it was made; null for one of the configuration."""
    created_by: str


class MadeToken(TokenRow, frozen=True, kw_only=True):
    """A token as it is made."""

    token: str | None
    """The secret, which is shown in this answer alone; null for a token that existed."""

    def __repr__(self) -> str:
        # Without the secret: a repr ends up in logs.
        return f"<MadeToken {self.name!r}: {self.role.value}>"
