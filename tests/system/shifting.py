"""Clocks that a test can set while a process runs under them: `wallshift.c`, built and driven."""

import mmap
import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("wallshift.c")
OFFSETS = struct.Struct("=qq")


def build(folder: Path) -> Path:
    """Builds the shim as a library; needs a C compiler."""
    library = folder / "wallshift.so"
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", str(library), str(SOURCE), "-ldl"],
        check=True,
    )
    return library


class Shift:
    """The two offsets of one process, which must be started with `environment`."""

    def __init__(self, library: Path, folder: Path) -> None:
        path = folder / "offsets"
        path.write_bytes(OFFSETS.pack(0, 0))
        with path.open("r+b") as file:
            self._mapped = mmap.mmap(file.fileno(), OFFSETS.size)
        self.environment = {"LD_PRELOAD": str(library), "WALLSHIFT": str(path)}

    def set(self, *, wall_s: float = 0, boot_s: float = 0) -> None:
        """Sets the offset of each clock, in seconds, from now on."""
        self._mapped[:] = OFFSETS.pack(round(wall_s * 1e9), round(boot_s * 1e9))

    def close(self) -> None:
        self._mapped.close()
