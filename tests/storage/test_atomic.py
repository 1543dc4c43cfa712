"""Files that are replaced in one step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from storage.atomic import replacing


def test_what_is_written_beside_takes_the_file_s_place(tmp_path: Path) -> None:
    target = tmp_path / "CURRENT"
    target.write_text("old")
    with replacing(target) as unfinished:
        unfinished.write_text("new")
        assert target.read_text() == "old"
        assert unfinished.name.startswith(".")
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_a_block_that_raises_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "history.json"
    target.write_text("old")
    with pytest.raises(UnicodeEncodeError), replacing(target) as unfinished:
        # The file is opened before the text fails.
        unfinished.write_text("half \ud800", encoding="utf-8")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_block_that_writes_nothing_is_an_error(tmp_path: Path) -> None:
    target = tmp_path / "root.json"
    target.write_text("old")
    with pytest.raises(FileNotFoundError), replacing(target):
        pass
    assert target.read_text() == "old"


@pytest.mark.parametrize("name", ["weights.npz", "vectors.npy"])
def test_a_library_that_looks_at_the_ending_writes_to_the_path_it_is_given(tmp_path: Path, name: str) -> None:
    with replacing(tmp_path / name) as unfinished:
        (np.savez if name.endswith("z") else np.save)(unfinished, np.arange(3))
    assert [path.name for path in tmp_path.iterdir()] == [name]
