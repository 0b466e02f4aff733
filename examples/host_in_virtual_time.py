"""A host's own code under test: it drives a `FakeRuntime` as it drives a `Runtime`, and hours pass in a moment."""

from watchkeeper import CallChannel, Channel, Heartbeat, Notice, Runtime, Target
from watchkeeper.testing import FakeRuntime

IMPORT = Target(id="import", every="1h", heartbeat=Heartbeat(grace="5m"), notify=("self",))
SELF = Channel(id="self", call=CallChannel(name="decide"))


class Warehouse:
    """The program: it imports orders, and stops selling while an import is missing."""

    selling = True

    def decide(self, notice: Notice) -> None:
        self.selling = not notice.incident.is_open

    def import_orders(self, runtime: Runtime) -> None:
        runtime.heartbeat("import")


def test_a_missing_import_stops_the_sale() -> None:
    warehouse = Warehouse()
    functions = {"decide": warehouse.decide}
    with FakeRuntime(targets=[IMPORT], channels=[SELF], callables=functions) as runtime:
        warehouse.import_orders(runtime)
        runtime.world.run("2h")
        assert [notice.change.value for notice in runtime.world.notices("self")] == ["opened"]
        assert not warehouse.selling
        warehouse.import_orders(runtime)
        runtime.world.run("1m")
        assert warehouse.selling


if __name__ == "__main__":
    test_a_missing_import_stops_the_sale()
    print("it holds")
