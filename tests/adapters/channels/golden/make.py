"""Writes the requests of every notice to every receiver: `python -m tests.adapters.channels.golden.make`. Read the difference."""

import json
from pathlib import Path
from typing import Any

from tests.adapters.channels.attempts import CHANNELS, NOTICES, attempted, plain

FOLDER = Path(__file__).parent


def requests_of(name: str) -> dict[str, Any]:
    """Returns the requests of each notice to a receiver."""
    return {case: [plain(each) for each in attempted(name, case).requests] for case in NOTICES}


if __name__ == "__main__":
    for each in CHANNELS:
        text = json.dumps(requests_of(each), indent=1, ensure_ascii=False)
        (FOLDER / f"{each}.json").write_text(text + "\n", encoding="utf-8")
