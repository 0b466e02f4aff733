"""Tokens of the API: listed without their secrets, made and ended while the runtime runs."""

import re

import msgspec

from ...domain.errors import ConfigurationError
from ...domain.specification.web import IssuedToken
from ..problems import Fault, Refusal
from ..resources.reading import page_of
from ..shapes.answers import Listed
from ..shapes.documents import time_of
from ..shapes.token_answers import NEW_NAME, MadeToken, TokenRow
from ..table import ApiCall


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
    """Makes a token or changes its role. Raises: Refusal of a name that it cannot have, and of one too many; StoreError."""
    name = call.path["token"]
    if not re.fullmatch(NEW_NAME, name):
        raise Refusal(
            400, "the name of a token has 1 to 64 letters, digits, dots, hyphens, underscores or at signs"
        )
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
