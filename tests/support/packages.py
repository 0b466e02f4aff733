"""Packages that bring kinds of probes, as an installer leaves them in a folder of `sys.path`."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from watchkeeper.adapters.plugins.installed import GROUP


@contextmanager
def package(folder: Path, text: str, points: Mapping[str, str], name: str = "own-probes") -> Iterator[str]:
    """A package with one module, whose entry points are given as `{"gauge": "Gauge"}`; the name of its module."""
    module = name.replace("-", "_")
    home = folder / name
    metadata = home / f"{module}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [f"{point} = {module}:{what}" for point, what in points.items()]
    (metadata / "entry_points.txt").write_text("\n".join([f"[{GROUP}]", *lines, ""]))
    (home / f"{module}.py").write_text(text)
    sys.path.insert(0, str(home))
    try:
        yield module
    finally:
        sys.path.remove(str(home))
        sys.modules.pop(module, None)
