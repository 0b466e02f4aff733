"""The file of a runtime's store is deleted under its feet."""

from watchkeeper import HealthChanged, IncidentChanged, Runtime
from watchkeeper.launcher.operate.telling import line_of
from watchkeeper.protocol.sink import RunMaintenance

WITHIN_S = 20


def test_a_deleted_store_is_said_and_shown_and_notices_go_on(shop, ops, inbox, site, tmp_path):
    path = tmp_path / "watch.db"
    with Runtime(targets=[shop], store=path, **ops) as runtime, runtime.subscribe() as events:
        path.unlink()
        runtime._lifecycle.engine.system.sink.tell(RunMaintenance())  # what the supervisor says every minute
        said = events.get(WITHIN_S)
        assert isinstance(said, HealthChanged)
        assert f" problem: store: {path} is gone" in line_of(said)
        assert runtime.status().problems == (("store", said.detail),)

        site.status = 503
        assert inbox.wait_for(1) == ["opened"]
        assert isinstance(events.get(WITHIN_S), IncidentChanged)
