"""The file of a runtime's store is deleted under its feet."""

import shutil
from contextlib import contextmanager

from watchkeeper import Configuration, HealthChanged, IncidentChanged, RuntimeOptions
from watchkeeper.actors.supervisor.supervisor import RECORDER
from watchkeeper.host.configured import ConfiguredTargets
from watchkeeper.host.lifecycle import Lifecycle
from watchkeeper.launcher.operate.telling import line_of
from watchkeeper.protocol.recorder import GetStatus
from watchkeeper.protocol.sink import RunMaintenance

WITHIN_S = 20


@contextmanager
def stopped_after(lifecycle):
    try:
        yield
    finally:
        lifecycle.stop()


def test_a_deleted_store_is_said_and_shown_and_notices_go_on(shop, ops, inbox, site, tmp_path):
    path = tmp_path / "watch.db"
    options = RuntimeOptions(store=str(path))
    configuration = Configuration(runtime=options, channels=ops["channels"], targets=(shop,))
    lifecycle = Lifecycle(ConfiguredTargets(configuration, ops["callables"]), lambda: None, lambda: None)
    lifecycle.start(None)
    with stopped_after(lifecycle), lifecycle.feed.subscribe() as events:
        path.unlink()
        lifecycle.engine.system.sink.tell(RunMaintenance())  # as the supervisor does every minute
        said = events.get(WITHIN_S)
        assert isinstance(said, HealthChanged)
        assert f" problem: store: {path} is gone" in line_of(said, 0)
        assert lifecycle.ask(RECORDER, GetStatus()).problems == (("store", said.detail),)

        site.status = 503
        assert inbox.wait_for(1) == ["opened"]
        assert isinstance(events.get(WITHIN_S), IncidentChanged)


def test_a_store_that_was_replaced_by_a_copy_is_said_at_the_stop(shop, ops, tmp_path):
    path = tmp_path / "watch.db"
    options = RuntimeOptions(store=str(path))
    configuration = Configuration(runtime=options, channels=ops["channels"], targets=(shop,))
    lifecycle = Lifecycle(ConfiguredTargets(configuration, ops["callables"]), lambda: None, lambda: None)
    lifecycle.start(None)
    with lifecycle.feed.subscribe() as events:
        with stopped_after(lifecycle):
            shutil.copy(path, tmp_path / "copy.db")
            (tmp_path / "copy.db").replace(path)
        said = events.get(WITHIN_S)
    assert isinstance(said, HealthChanged)
    assert f" problem: store: another file lies in the place of {path}" in line_of(said, 0)
