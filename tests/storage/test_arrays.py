"""Arrays from elsewhere: never a pickle, never more than may be."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from storage.arrays import read_npz


class Mischief:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.folder),)


def test_an_array_that_is_a_pickle_is_refused_and_never_loaded(tmp_path: Path) -> None:
    file, made = tmp_path / "heads.npz", tmp_path / "made"
    np.savez(file, weights=np.array([Mischief(made)], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        read_npz(file)
    assert not made.exists()


def test_arrays_are_read_up_to_a_size(tmp_path: Path) -> None:
    file = tmp_path / "heads.npz"
    np.savez_compressed(file, weights=np.zeros(100_000, np.uint8))
    assert read_npz(file)["weights"].shape == (100_000,)
    with pytest.raises(ValueError, match="more than 100,000 bytes"):
        read_npz(file, 100_000)


def header(shape: str, descr: str = "'<f4'") -> bytes:
    """The head of a .npy file with this shape."""
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize(
    "member",
    [
        b"",
        b"\x93NUMPY",
        header("(10**9, 10**9)"),
        header(f"({2**40},)"),
        header(f"({2**62}, 4)"),
        header("(-1,)"),
        header("(1,)", "'|O'"),
        header("(1,)", "[('a', '<f4'"),
        header("((((((((((1"),
        header("(" * 5000),
        b"not an array",
        header("(1,)") + b"\0",
    ],
)
def test_whatever_a_file_holds_is_an_array_or_one_error(tmp_path: Path, member: bytes) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("weights.npy", member)
    (tmp_path / "heads.npz").write_bytes(packed.getvalue())
    with pytest.raises(ValueError, match=r"\w"):
        read_npz(tmp_path / "heads.npz")
