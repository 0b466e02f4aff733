"""The file system of a store: those whose locks keep no process of another machine out are refused by name."""

import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ....domain.errors import StoreError

MOUNTS = "/proc/self/mountinfo"
"""Linux alone has it; elsewhere no file system is refused."""
WITHOUT_LOCKS = frozenset({"fuse.sshfs", "fuse.s3fs", "fuse.rclone", "fuse.gcsfuse", "fuse.mount-s3"})
"""They grant a lock to each machine."""
LOCAL_LOCKS = {
    "nfs": frozenset({"nolock", "local_lock=all", "local_lock=flock", "local_lock=posix"}),
    "nfs4": frozenset({"nolock", "local_lock=all", "local_lock=flock", "local_lock=posix"}),
    "cifs": frozenset({"nobrl"}),
    "smb3": frozenset({"nobrl"}),
}
"""The options with which a network file system keeps locks within one machine: nfs(5), mount.cifs(8)."""


class Mount(NamedTuple):
    """A line of `mountinfo`, as proc_pid_mountinfo(5) describes it."""

    device: str
    kind: str
    options: frozenset[str]


def read_mount(line: str) -> Mount:
    """Reads a line. A line of another form raises ValueError or IndexError."""
    left, _, right = line.partition(" - ")
    fields, (kind, _, options) = left.split(), right.split(" ", 2)
    return Mount(fields[2], kind, frozenset((*fields[5].split(","), *options.strip().split(","))))


def require_locks(path: str, mounts: str = MOUNTS) -> None:
    """Looks at the folder of a store. Raises: StoreError where its file system has no locks that work between machines."""
    with suppress(OSError, ValueError, IndexError):
        device = Path(path).parent.stat().st_dev
        number = f"{os.major(device)}:{os.minor(device)}"
        for line in Path(mounts).read_text(encoding="utf-8", errors="replace").splitlines():
            if f" {number} " in line:
                _refuse(read_mount(line), path)


def _refuse(mount: Mount, path: str) -> None:
    reason = sorted(LOCAL_LOCKS.get(mount.kind, frozenset()) & mount.options)
    if mount.kind in WITHOUT_LOCKS or reason:
        how = f" (mounted with {reason[0]})" if reason else ""
        raise StoreError(
            f"{path} lies on {mount.kind}{how}, whose locks keep no other machine out: put the store on a local disk"
        )
