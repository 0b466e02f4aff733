"""Network file systems whose locks keep no other machine out are refused by name."""

import os

import pytest
from watchkeeper.adapters.stores.ownership.file_system import require_locks
from watchkeeper.domain.errors import StoreError


def mounted(tmp_path, kind, options):
    """A list of mounts that has the folder so, behind the line of another file system."""
    device = tmp_path.stat().st_dev
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "22 1 254:77 / /proc rw,nosuid shared:5 - proc proc rw\n"
        f"31 1 {os.major(device)}:{os.minor(device)} / /data rw,relatime shared:9 master:2 - {kind} host:/data {options}\n"
    )
    return str(tmp_path / "watch.db"), str(mounts)


@pytest.mark.parametrize(
    ("kind", "options", "says"),
    [
        ("nfs", "rw,vers=3,nolock", r"lies on nfs \(mounted with nolock\)"),
        ("nfs4", "rw,local_lock=flock", r"lies on nfs4 \(mounted with local_lock=flock\)"),
        ("cifs", "rw,nobrl,vers=3.0", r"lies on cifs \(mounted with nobrl\)"),
        ("fuse.sshfs", "rw,user_id=0", "lies on fuse.sshfs, whose locks keep no other machine out"),
    ],
)
def test_a_network_file_system_without_working_locks_is_refused_by_name(tmp_path, kind, options, says):
    with pytest.raises(StoreError, match=f"watch.db {says}"):
        require_locks(*mounted(tmp_path, kind, options))


@pytest.mark.parametrize(
    ("kind", "options"),
    [("ext4", "rw"), ("nfs4", "rw,vers=4.2,local_lock=none"), ("cifs", "rw"), ("tmpfs", "rw")],
)
def test_a_file_system_with_locks_is_taken(tmp_path, kind, options):
    require_locks(*mounted(tmp_path, kind, options))


@pytest.mark.parametrize("content", [None, "", "31 1", "31 1 9:9 / /data rw"])
def test_a_system_that_does_not_tell_its_mounts_refuses_none(tmp_path, content):
    mounts = tmp_path / "mounts"
    if content is not None:
        mounts.write_text(content)
    require_locks(str(tmp_path / "watch.db"), str(mounts))
