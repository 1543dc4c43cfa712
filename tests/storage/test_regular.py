"""Only regular files are opened, whatever has their name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from storage.regular import open_regular, read_small, size_of


@pytest.mark.parametrize("opened", [open_regular, read_small, size_of])
def test_devices_links_pipes_and_folders_are_refused(tmp_path: Path, opened: object) -> None:
    (tmp_path / "file").write_bytes(b"held")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for path in (Path("/dev/zero"), *(tmp_path / name for name in ("link", "folder", "pipe", "nothing"))):
        with pytest.raises(OSError, match=r"regular file|symbolic link|No such file|Is a directory"):
            opened(path)  # type: ignore[operator]
    assert size_of(tmp_path / "file") == 4


def test_no_more_is_read_than_may_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"1234")
    assert read_small(tmp_path / "file", 4) == b"1234"
    with pytest.raises(OSError, match="holds more than 3 bytes"):
        read_small(tmp_path / "file", 3)
