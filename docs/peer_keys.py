"""Tables of the keys of each peer's reference; docs/importing.md is made from them."""

from collections.abc import Iterator, Mapping

from watchkeeper.adapters.importing.peers import PEERS


def importing() -> str:
    """Returns a section for each peer: what its keys come to, and why some come to nothing."""
    return "\n".join(line for word in PEERS for line in _section(word))


def _section(word: str) -> Iterator[str]:
    peer = PEERS[word]
    yield from ("", f"## {peer.title}: `import {word}`", "")
    yield from _table("becomes", peer.mapped)
    yield from ("", "Not brought over, with all that is below each:", "")
    yield from _table("why", peer.left)


def _table(title: str, rows: Mapping[str, str]) -> Iterator[str]:
    yield from (f"| key | {title} |", "|---|---|")
    for key, said in rows.items():
        yield f"| `{key}` | {said} |"
