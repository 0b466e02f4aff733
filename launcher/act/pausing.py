"""`pause` and `resume`: whether targets are watched."""

from ...client.offline import OfflineStore
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
        for name in names:
            acts.pause(name) if verb == "pause" else acts.resume(name)
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


def _said(name: str, verb: str) -> str:
    if verb == "resume":
        return f"{name}: watched again"
    return f"{name}: paused until it is resumed; its incidents stay as they are. Undo: watchkeeper resume {_word(name)}"


def _word(name: str) -> str:
    from shlex import quote

    return quote(name)
