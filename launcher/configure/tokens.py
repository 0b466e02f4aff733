"""`token`: tokens of the API, in the configuration and of a runtime that runs."""

import json

import click

from ...adapters.configuration.tokens import digest_of, new_token
from ...domain.specification.web import Role, Token
from ..act.reach import plain, running
from ..options import Where
from ..see.tables import print_json, print_rows

USAGE = (
    "write `token new NAME`, `token list`, `token revoke NAME`, or `token NAME` for one of the configuration"
)


def act_on_tokens(where: Where, words: tuple[str, ...], role: str, *, as_json: bool) -> None:
    """Makes, lists or revokes tokens of a runtime that runs; a name alone makes one for the configuration.

    Raises: NotRunning where no process runs the store; NotAllowed; UnknownName; UsageError of click for other words;
    ConfigurationError for a name that a token cannot have.
    """
    match words:
        case ("list",):
            rows = [plain(row) for row in running(where).tokens()]
            print_rows("tokens", ("name", "role", "origin", "created_by"), rows, rows, as_json=as_json)
        case ("new", name):
            _make(where, name, role, as_json=as_json)
        case ("revoke", name):
            gone = plain(running(where).revoke_token(name))
            if as_json:
                print_json({"done": "revoke", "token": gone})
            else:
                click.echo(f"{name}: revoked; its sessions and event streams have ended")
        case (name,) if name not in {"new", "revoke"}:
            print_new_token(name, role, as_json=as_json)
        case _:
            raise click.UsageError(USAGE)


def _make(where: Where, name: str, role: str, *, as_json: bool) -> None:
    made = running(where).issue_token(name, Role(role))
    if as_json:
        print_json({"done": "new", "token": plain(made)})
    elif made.token is None:
        click.echo(f"{name} existed: its role is now {made.role.value}, and its token is as before", err=True)
    else:
        click.echo(f"{name} may act as {made.role.value}; the token is shown this once:", err=True)
        click.echo(made.token)


def print_new_token(name: str, role: str, *, as_json: bool = False) -> None:
    """Prints a new token on standard output, and its entry of `web.tokens` on standard error; as JSON both in one document.

    Raises: ConfigurationError for a name that a token cannot have.
    """
    token = new_token()
    entry = Token(name=name, role=Role(role), sha256=digest_of(token))
    line = {"name": entry.name, "role": entry.role.value, "sha256": entry.sha256}
    if as_json:
        print_json({"token": token, "entry": line})
        return
    click.echo("the token is shown this once; add to the configuration, under web.tokens:", err=True)
    click.echo(f"  - {json.dumps(line, ensure_ascii=False)}", err=True)
    click.echo(token)
