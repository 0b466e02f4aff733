"""The stamp of a configuration: which differences make it another one."""

from watchkeeper.adapters.configuration import load
from watchkeeper.domain.cluster.stamp import stamp_of
from watchkeeper.domain.specification.configuration import Configuration
from watchkeeper.domain.specification.web import Web


def test_the_address_at_which_a_node_listens_is_no_part_of_its_configuration():
    first, second = (Configuration(targets=(), web=Web(listen=f"127.0.0.1:{port}")) for port in (1, 2))
    assert stamp_of(first, 0) == stamp_of(second, 0) == stamp_of(Configuration(targets=()), 0)


def test_a_reload_of_an_unchanged_file_with_defaults_is_no_newer_configuration(tmp_path):
    path = tmp_path / "watchkeeper.yaml"
    path.write_text("defaults: {every: 2s}\ntargets: [{id: shop, tcp: {host: h, port: 1}}]\n")
    read = load(path, {})
    assert read.defaults.every == "2s"
    started = Configuration(targets=read.targets)
    assert stamp_of(read, 0) == stamp_of(started, 0), "a start passes the targets on, and a reload all of it"
    slower = path.with_name("slower.yaml")
    slower.write_text(path.read_text().replace("2s", "3s"))
    assert stamp_of(load(slower, {}), 0) != stamp_of(read, 0)
