"""Small files that change are replaced only by whoever read what is there, and only in the data folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.errors import BusyError, ForeignFileError
from storage.files import Folder


@pytest.mark.parametrize("before", [None, b"", b"older", b"new"])
def test_a_file_that_another_process_has_written_stays(tmp_path: Path, before: bytes | None) -> None:
    files = Folder(tmp_path)
    files.replace("CURRENT", b"theirs", None)
    with pytest.raises(BusyError, match="Another process has just written"):
        files.replace("CURRENT", b"ours", before)
    assert files.read("CURRENT") == b"theirs"
    files.replace("CURRENT", b"ours", b"theirs")
    assert files.read("CURRENT") == b"ours"


def test_a_file_that_is_gone_is_not_replaced_as_if_it_were_there(tmp_path: Path) -> None:
    with pytest.raises(BusyError):
        Folder(tmp_path).replace("CURRENT", b"ours", b"read before")
    assert Folder(tmp_path).read("CURRENT") is None


def test_a_link_in_the_file_s_place_is_replaced_and_what_it_leads_to_is_not(tmp_path: Path) -> None:
    root, victim = tmp_path / "data", tmp_path / "victim"
    root.mkdir()
    victim.write_bytes(b"dear")
    (root / "CURRENT").symlink_to(victim)
    Folder(root).replace("CURRENT", b"ours", None)
    assert (victim.read_bytes(), Folder(root).read("CURRENT")) == (b"dear", b"ours")


@pytest.mark.parametrize("name", ["../victim", "index/../../victim", "/etc/passwd", ".."])
@pytest.mark.parametrize("use", ["read", "fetch", "remove", "below"])
def test_a_name_that_leads_out_is_not_followed(tmp_path: Path, name: str, use: str) -> None:
    root, victim = tmp_path / "data", tmp_path / "victim"
    root.mkdir()
    victim.write_bytes(b"dear")
    with pytest.raises(ForeignFileError, match="leads out of the data folder"):
        getattr(Folder(root), use)(name)
    assert victim.read_bytes() == b"dear"
