"""`token`: a new token of the API, and the line for the configuration that lets it in."""

import json

import click

from ...adapters.configuration.tokens import digest_of, new_token
from ...domain.specification.web import Token


def print_new_token(name: str, role: str) -> None:
    """Prints a new token on standard output, and its entry of `web.tokens` on standard error.

    Raises: ConfigurationError for a name that a token cannot have.
    """
    token = new_token()
    entry = Token(name=name, role=role, sha256=digest_of(token))  # type: ignore[arg-type]  # click allows roles alone
    line = {"name": entry.name, "role": entry.role.value, "sha256": entry.sha256}
    click.echo("the token is shown this once; add to the configuration, under web.tokens:", err=True)
    click.echo(f"  - {json.dumps(line, ensure_ascii=False)}", err=True)
    click.echo(token)
