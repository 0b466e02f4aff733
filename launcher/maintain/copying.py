"""`copy`: a store is moved into another one, from a file to a database or back."""

import click

from ...adapters.clock import SystemClock
from ...adapters.stores.copying.copying import copy_store
from ...domain.line import count_of
from ...domain.store_place import shown_store, store_problem
from ..see.tables import print_json


def copy_to(old: str, new: str, *, as_json: bool) -> None:
    """Copies a store and prints what the copy has. Raises: StoreBusy; StoreError; StoreCorrupt; BadParameter of click."""
    for name, store in (("OLD", old), ("NEW", new)):
        if problem := store_problem(store):
            raise click.BadParameter(f"{shown_store(store)} {problem}", param_hint=name)
    made = copy_store(old, new, SystemClock().read())
    if as_json:
        print_json(made.to_dict())
        return
    click.echo(
        f"{made.store}: {count_of(made.incidents, 'incident')}, {count_of(made.links, 'link')} verified,"
        f" {count_of(made.samples, 'sample')} and {count_of(made.chunks, 'sealed hour')}: equal to {shown_store(old)},"
        " which is left as it is"
    )
