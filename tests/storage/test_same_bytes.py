"""The same tables give the same generation, byte for byte, wherever and by whichever process it is built."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from storage import tables
from storage.root import Root
from tests import catalogues
from tests.small_disk import REPOSITORY

BUILD = """
import sys
from embedding.index.build import build_index
from storage.root import Root
from tests import catalogues
build_index(Root.open(sys.argv[1]), catalogues.MODEL)
"""

TIMES = ("built_at", "build_seconds")


def published(data: Path) -> dict[str, bytes]:
    """Every file of the published generation and its thumbnails; its manifest without the two times."""
    (name,) = (path.name for path in (data / "index").iterdir() if path.is_dir())
    assert (data / "index" / "CURRENT").read_text() == f"{name}\n"
    files = [*(data / "index" / name).iterdir(), *(data / "thumbnails").iterdir()]
    stored = {file.name: file.read_bytes() for file in files}
    facts = json.loads(stored["manifest.json"])
    for time in TIMES:
        del facts[time]
    return stored | {"manifest.json": json.dumps(facts).encode()}


@pytest.mark.slow
def test_equal_tables_give_equal_bytes_in_every_file(tmp_path: Path) -> None:
    """Built in two processes that hash differently, on other paths, with other times, memory and threads."""
    first = Root.open(tmp_path / "a", create=True)
    rows = catalogues.simple(first, 700, photos_each=2, stores=("a.example", "b.example"))
    brands = [row | {"brand": f"Brand {at}" if at % 7 else None} for at, row in enumerate(rows)]
    tables.merge(first, "products", [row | {"content_hash": "1"} for row in brands])
    other = tmp_path / "a folder whose name is longer and holds späces" / "data"
    shutil.copytree(first.path, other)
    for data, seed in ((first.path, "1"), (other, "4000000000")):
        environ = {**os.environ, "PYTHONHASHSEED": seed, "TZ": "UTC" if seed == "1" else "Asia/Tokyo"}
        environ |= {"OPENBLAS_NUM_THREADS": seed[0]}
        command = [sys.executable, "-c", BUILD, str(data)]
        seen = subprocess.run(command, cwd=REPOSITORY, env=environ, capture_output=True, text=True)
        assert seen.returncode == 0, seen.stderr
    one, two = published(first.path), published(other)
    assert one.keys() == two.keys()
    assert {name for name in one if one[name] != two[name]} == set()
    manifest = json.loads(one["manifest.json"])
    assert manifest.keys().isdisjoint(TIMES)
    assert set(manifest["files"]) == one.keys() - {"manifest.json"} - {
        f"{n}.arrow" for n in manifest["thumbnails"]
    }
