"""Tokens of the API: listed without their secrets, made and ended while the runtime runs."""

from datetime import datetime
from typing import Literal

import msgspec

from ...domain.errors import ConfigurationError
from ...domain.specification.web import IssuedToken, Role
from ..problems import Fault, Refusal
from ..table import ApiCall
from .answers import Listed
from .documents import time_of
from .reading import page_of


class TokenBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The right that a token gives."""

    role: Role


class TokenRow(msgspec.Struct, frozen=True, kw_only=True):
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


async def tokens(call: ApiCall) -> Listed[TokenRow]:
    configured = call.operations.configured_tokens()
    names = {token.name for token in configured}
    rows = [
        TokenRow(name=each.name, role=each.role, origin="configuration", created_at=None, created_by="")
        for each in configured
    ]
    # One that the configuration has since named otherwise opens nothing.
    rows += [_row(issued) for issued in call.operations.tokens.all() if issued.token.name not in names]
    rows.sort(key=lambda row: row.name)
    page, following = page_of(rows, lambda row: row.name, call.query)
    return Listed(items=page, next=following)


async def put_token(call: ApiCall) -> MadeToken:
    """Makes a token or changes its role. Raises: Refusal of a name that it cannot have; StoreError."""
    name = call.path["token"]
    _require_free(call, name)
    try:
        issued, secret = await call.operations.issue_token(name, call.body.role, call.author.name)
    except ConfigurationError as error:
        raise Refusal(400, "this token cannot be made", [Fault("", str(error))]) from None
    return MadeToken(**msgspec.structs.asdict(_row(issued)), token=secret)


async def delete_token(call: ApiCall) -> TokenRow:
    """Ends a token; returns it as it was. Raises: Refusal of one of the configuration; UnknownName; StoreError."""
    name = call.path["token"]
    _require_free(call, name)
    return _row(await call.operations.revoke_token(name))


def _require_free(call: ApiCall, name: str) -> None:
    """Raises: Refusal of a token that stands in the configuration."""
    if any(token.name == name for token in call.operations.configured_tokens()):
        raise Refusal(409, f"the token {name!r} stands in the configuration: change it there, and reload")


def _row(issued: IssuedToken) -> TokenRow:
    return TokenRow(
        name=issued.token.name,
        role=issued.token.role,
        origin="api",
        created_at=time_of(issued.created_at_ns),
        created_by=issued.created_by,
    )
