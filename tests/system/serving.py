"""An example with several workers, with the targets and the channel of a configuration beside its own.

WATCH_EXAMPLE=fastapi_app WATCH_CONFIG=watch.yaml uvicorn tests.system.serving:app --workers 4
"""

import importlib
import os
from pathlib import Path
from typing import Any

import watchkeeper
from watchkeeper.adapters.configuration.loading import load


class Beside(watchkeeper.Runtime):
    """The runtime of the example, which also watches what the configuration names."""

    def __init__(self, **given: Any) -> None:
        path = os.environ["WATCH_CONFIG"]
        configured = load(Path(path), os.environ, name=path)
        targets = (*given.pop("targets"), *configured.targets)
        super().__init__(**given, targets=targets, channels=configured.channels)


# The example makes its runtime while it is imported.
watchkeeper.Runtime = Beside
app = importlib.import_module(os.environ["WATCH_EXAMPLE"]).app
