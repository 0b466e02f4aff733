"""The control of the stand-by leg: without the fence, a frozen process that thaws writes and tells beside its successor.

    python -m tests.system.unfenced [--freezes 6] [--seed 0]

Runs two processes of a copy of the tree from which two seeded bugs have taken the fence: commits no longer compare the row of the
owner, and a claim is not recognised. The active one is frozen while nothing is open, and the other takes over. Then that one is frozen, too,
so that it writes nothing in between, the first one thaws, and all targets fail. A late notice comes from the thawed process before that has
stood by: it was committed and sent after the claim. Prints the figures as JSON and in one line; the exit status is 0 only when every freeze
led to such a notice, as the other leg proves nothing otherwise.
"""

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from random import Random

from tests.system.outside import WITHIN_S, Post
from tests.system.settling import LOOK_EVERY_S
from tests.system.standby import TARGETS, Pair

sys.path.insert(0, str(Path(__file__).parents[1] / "teeth"))

from catalogue import catalogue
from copies import Copy

FENCE = ("former-owner-commits", "claim-not-noticed")
"""The seeded bugs that take it away."""


def unfenced(folder: Path) -> Copy:
    """Returns a copy of the tree without the fence."""
    copy = Copy(folder)
    for bug in catalogue():
        if bug.id in FENCE:
            copy.put_in(bug)
    return copy


def strike(folder: Path, tree: Mapping[str, str], seed: int, freezes: int) -> Counter[str]:
    """Freezes and thaws the active one of so many pairs, which run by the environment of a tree. Returns the figures.

    Each freeze has a pair and a store of its own: without the fence a former owner writes over what its successor has written, and
    which role a process comes to afterwards is left to chance.
    """
    figures = Counter(freezes=freezes, late=0, late_notices=0)
    for number in range(freezes):
        place = folder / f"{seed}.{number}"
        place.mkdir()
        notices = _freeze(place, tree, Random(f"{seed}.{number}"))
        figures.update(late=notices > 0, late_notices=notices)
    return figures


def _freeze(place: Path, tree: Mapping[str, str], dice: Random) -> int:
    """Returns how many notices a thawed process has told since another one claimed its store."""
    pair = Pair(place, dice, tree)
    try:
        former, successor = pair.active, pair.other
        pair.pause(dice.uniform(0.1, 1.0))
        former.freeze(pair.store)
        assert successor.until("active"), successor.errors.all()
        # The first commit of both would be the same link of the chain, and chance would decide whose fails.
        successor.freeze(pair.store)
        pair.site.down = {f"t{number}" for number in range(TARGETS)}
        former.thaw()
        late: list[Post] = []
        for _ in range(int(WITHIN_S / LOOK_EVERY_S)):
            # In this order: where its successor is silent for a lease, one that stands by takes over, and may tell.
            late = [post for post in pair.receiver.posts if post.life == former.life]
            if former.role != "active":
                return 0
            if late:
                break
            pair.pause(LOOK_EVERY_S)
        return len(late)
    finally:
        pair.close()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--freezes", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        copy = unfenced(Path(folder) / "copy")
        figures = strike(Path(folder), copy.environment(), wanted.seed, wanted.freezes)
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")
    said = (
        f"{figures['freezes']} freezes without the fence: {figures['late_notices']} notices of a former owner"
    )
    has_found = figures["late"] == figures["freezes"]
    sys.stdout.write(said + ("" if has_found else ": THE CONTROL FINDS NOTHING") + "\n")
    return 0 if has_found else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
