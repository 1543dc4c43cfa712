"""Arrays from elsewhere: never a pickle, never more than may be."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storage.arrays import map_array, read_npz


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


NO_ARRAYS = [
    b"",
    b"\x93NUMPY",
    header("(10**9, 10**9)"),
    header(f"({2**40},)"),
    header(f"({2**62}, 4)"),
    header(f"({10**30},)"),
    header("(-1,)"),
    header("(True, 2)"),
    header("(1,)", "'|O'"),
    header("(1,)", "[('a', '<f4'"),
    header("(1,)", "{[]: 1}"),
    header("((((((((((1"),
    header("(" * 5000),
    header("-" * 9000 + "1"),
    b"not an array",
    b"PK\3\4 no archive either",
    b"PK\5\6" + bytes(18),
    b"\x93NUMPY\3\0" + bytes(4),
]


@pytest.mark.parametrize("member", NO_ARRAYS)
def test_whatever_a_file_holds_is_an_array_or_one_error(tmp_path: Path, member: bytes) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("weights.npy", member)
    (tmp_path / "heads.npz").write_bytes(packed.getvalue())
    with pytest.raises(ValueError, match=r"\w"):
        read_npz(tmp_path / "heads.npz")
    (tmp_path / "vectors.npy").write_bytes(member)
    with pytest.raises(ValueError, match=r"\w"):
        map_array(tmp_path / "vectors.npy")


@pytest.mark.parametrize("dtype", [object, [("a", object)], [("a", np.int8), ("b", object, 2)]])
def test_bytes_are_never_mapped_as_addresses_of_objects(tmp_path: Path, dtype: Any) -> None:
    header = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": (4,)}
    with (tmp_path / "vectors.npy").open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, header)
        stream.write(b"\x01" * 256)
    with pytest.raises(ValueError, match="Python objects"):
        map_array(tmp_path / "vectors.npy")


def test_an_array_is_mapped_as_it_was_saved(tmp_path: Path) -> None:
    for saved in (np.arange(6, dtype=np.float16).reshape(2, 3), np.empty((0, 3), np.float16)):
        np.save(tmp_path / "vectors.npy", saved)
        mapped = map_array(tmp_path / "vectors.npy")
        assert (mapped.dtype, mapped.shape, mapped.tolist()) == (saved.dtype, saved.shape, saved.tolist())
        assert not mapped.flags.writeable


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda file: file.symlink_to("/dev/zero")])
def test_only_a_regular_file_is_mapped(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "vectors.npy")
    with pytest.raises(OSError, match=r"it is no regular file|symbolic link"):
        map_array(tmp_path / "vectors.npy")
