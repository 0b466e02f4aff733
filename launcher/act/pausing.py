"""`pause` and `resume`: whether targets are watched."""

import click

from ...client.offline import OfflineStore
from ...domain.errors import StoreError
from ...domain.line import listed
from ..options import Where
from ..see.tables import print_json
from .reach import Acts, plain, reached, say, targets_of


def pause(where: Where, asked: tuple[str, ...], *, as_json: bool) -> None:
    """Pauses targets. Raises: UnknownName where a name or a glob stands for none; then nothing was done."""
    _each(where, asked, "pause", as_json=as_json)


def resume(where: Where, asked: tuple[str, ...], *, as_json: bool) -> None:
    """Resumes targets. Raises: as `pause`."""
    _each(where, asked, "resume", as_json=as_json)


def _each(where: Where, asked: tuple[str, ...], verb: str, *, as_json: bool) -> None:
    def act(acts: Acts) -> None:
        names = targets_of(acts, asked)
        for at, name in enumerate(names):
            try:
                acts.pause(name) if verb == "pause" else acts.resume(name)
            except (StoreError, TimeoutError):
                if names[1:]:
                    click.echo(f"{name}: {_stopped_at(names[at + 1 :])}", err=True)
                raise
            if not as_json:
                # One by one: an error on the way is not to hide what was done before.
                say(acts, _said(name, verb), is_last=name == names[-1])
        if as_json:
            rows = (
                {}
                if isinstance(acts, OfflineStore)
                else {"rows": [plain(acts.target(name)) for name in names]}
            )
            print_json({"done": verb, "targets": names, **rows})

    reached(where, act)


def _stopped_at(left: list[str]) -> str:
    return f"see below; not given: {listed(left)}" if left else "see below; it is the last one"


def _said(name: str, verb: str) -> str:
    if verb == "resume":
        return f"{name}: watched again"
    return f"{name}: paused until it is resumed; its incidents stay as they are. Undo: watchkeeper resume {_word(name)}"


def _word(name: str) -> str:
    from shlex import quote

    return quote(name)
