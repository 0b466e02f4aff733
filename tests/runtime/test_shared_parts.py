"""Equal parts of many targets are kept once, however these came, and nothing of what they say changes."""

import pytest
from watchkeeper import Configuration
from watchkeeper.adapters.configuration import load
from watchkeeper.host.configured import ConfiguredTargets, require_valid

ALIKE = ("every", "timeout", "expect", "rules", "notify", "group", "labels")
SAID = (
    "every: 7s, timeout: 3s, group: shop/api, labels: {team: payments}, notify: [ops],"
    " expect: ['[STATUS] == 200'], rules: [{kind: consecutive, id: down, after: 3}]"
)


@pytest.fixture
def read(tmp_path):
    """A file of two targets, read anew by each call."""
    path = tmp_path / "watchkeeper.yaml"
    lines = [f"  - {{id: {name}, {SAID}, http: {{url: 'http://h/{name}'}}}}" for name in ("cart", "till")]
    path.write_text("\n".join(["channels: [{id: ops, log: {}}]", "targets:", *lines]))
    return lambda: load(path, {})


def of_a_file(configuration):
    configured = ConfiguredTargets(configuration, None)
    configured.is_judged = True
    return configured.configuration()


def of_a_program(configuration):
    return ConfiguredTargets(configuration, None).configuration()


def of_a_reload(configuration):
    return require_valid(configuration, ())


@pytest.mark.parametrize("settled", [of_a_file, of_a_program, of_a_reload])
def test_equal_parts_of_targets_are_one_object(read, settled):
    found = settled(read())
    cart, till = found.targets
    assert [name for name in ALIKE if getattr(cart, name) is not getattr(till, name)] == []
    assert found == read()


def test_the_targets_of_a_program_stay_as_it_made_them(read):
    made = read()
    before = [getattr(made.targets[1], name) for name in ALIKE]
    found = of_a_program(Configuration(channels=made.channels, targets=made.targets))
    after = [getattr(made.targets[1], name) for name in ALIKE]
    assert all(one is other for one, other in zip(before, after, strict=True))
    assert found.targets == made.targets
