"""A pytest plugin that puts one of our execution models in the place of pykka's own in pykka's test suite.

It is loaded with `-p plugin`, on a path that holds this folder; the model is named in WATCHKEEPER_MODEL. pykka's
conftest is kept out (`--noconftest`) because it defines the fixture that is replaced here; its other fixtures are
taken over as they are.
"""

import os
import sys
import threading
import time
from pathlib import Path

import pytest
from execution_models import LoopActor, PoolActor, SimulatedActor
from watchkeeper.actors.dispatch.run.future import DispatchedFuture

sys.path.insert(0, str(Path.cwd()))

from tests.types import Runtime

from tests import conftest as upstream

MODELS = {"loop": LoopActor, "pool": PoolActor, "simulated": SimulatedActor}
MODEL = os.environ["WATCHKEEPER_MODEL"]

for name, value in vars(upstream).items():
    if type(value).__name__ == "FixtureFunctionDefinition" and name != "runtime":
        globals()[name] = value


@pytest.fixture(scope="session", params=[MODEL])
def runtime(request):
    """The execution model under which pykka's suite runs."""
    return Runtime(
        name=request.param,
        actor_class=MODELS[request.param],
        event_class=threading.Event,
        future_class=DispatchedFuture,
        sleep_func=time.sleep,
    )
