"""The control of the stand-by leg: without the fence, a frozen process that thaws writes and tells beside its successor.

    python -m tests.system.unfenced [--freezes 6] [--seed 0]

Runs two processes of a copy of the tree from which two seeded bugs have taken the fence: commits no longer compare the row of the
owner, and a claim is not recognised. The active one is frozen, the other takes over, and the first one thaws while targets fail and recover. A late
notice has an id that the receiver had not seen before, and comes from the thawed process: it was committed and sent after the
claim. Prints the figures as JSON and in one line; the exit status is 0 only when there was such a notice, as the other leg proves nothing otherwise.
"""

import argparse
import json
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

from tests.system.standby import Pair, is_locked

sys.path.insert(0, str(Path(__file__).parents[1] / "teeth"))

from catalogue import catalogue
from copies import Copy

FENCE = ("former-owner-commits", "claim-not-noticed")
"""The seeded bugs that take it away."""
ROUNDS = 6
"""How often targets change while a thawed process lives beside its successor."""


def unfenced(folder: Path) -> Copy:
    """Returns a copy of the tree without the fence."""
    copy = Copy(folder)
    for bug in catalogue():
        if bug.id in FENCE:
            copy.put_in(bug)
    return copy


def strike(folder: Path, copy: Copy, seed: int, freezes: int) -> Counter[str]:
    """Freezes and thaws the active one of so many pairs. Returns the figures.

    Each freeze has a pair and a store of its own: without the fence a former owner may have written its row over that of its
    successor, and which role the next process comes to is then left to chance.
    """
    figures = Counter(freezes=freezes, late_notices=0, frozen_in_a_write=0)
    for number in range(freezes):
        place = folder / f"{seed}.{number}"
        place.mkdir()
        figures.update(_freeze(place, copy, Random(f"{seed}.{number}")))
    return figures


def _freeze(place: Path, copy: Copy, dice: Random) -> Counter[str]:
    pair = Pair(place, dice, copy.environment())
    try:
        pair.live()
        frozen, at = pair.active, time.monotonic()
        frozen.freeze()
        if is_locked(pair.store):
            # Frozen in the middle of a write: the database itself keeps the other one out.
            return Counter(frozen_in_a_write=1)
        pair.taken_over(at, pair.times.freezes)
        known = {post.key for post in pair.receiver.posts}
        frozen.signal(signal.SIGCONT)
        for _ in range(ROUNDS):
            pair.live()
        frozen.kill()
        late = {post.key for post in pair.receiver.posts if post.life == frozen.life} - known
        return Counter(late_notices=len(late))
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
        figures = strike(Path(folder), copy, wanted.seed, wanted.freezes)
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")
    said = (
        f"{figures['freezes']} freezes without the fence: {figures['late_notices']} notices of a former owner"
    )
    sys.stdout.write(said + ("" if figures["late_notices"] else ": THE CONTROL FINDS NOTHING") + "\n")
    return 0 if figures["late_notices"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
