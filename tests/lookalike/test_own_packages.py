"""A user's own `storage.py` and Lookalike's package `storage` work in one process, whichever comes first."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lookalike import own_packages
from storage import import_path

REPOSITORY = Path(__file__).parents[2]
GOLDEN = REPOSITORY / "tests" / "golden" / "generation-v2"

OWN_FILE = """
'''An analyst's own module.'''
import pickle
class Sale:
    pass
def double(number):
    return 2 * number
tables = "theirs"
_private = 1
"""
SEARCH = """
shop = lookalike.open({data!r})
[first] = shop.products().to_arrow().slice(0, 1).to_pylist()
name = first["store"] + ":" + first["product_id"]
assert len(shop.search(first["title"], k=1)) == len(shop.similar(name, k=1)) == 1
"""
USE = """
import pickle
import {name}
from {name} import double, Sale
assert {name}.double(4) == double(4) == 8
assert type(pickle.loads(pickle.dumps(Sale()))) is Sale
assert not hasattr({name}, "missing")
from {name} import *
assert double(5) == 10
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a module of each name, and a published root, `data`."""
    for name in own_packages.PACKAGES:
        (tmp_path / f"{name}.py").write_text(OWN_FILE)
    shutil.copytree(GOLDEN, tmp_path / "data")  # opening a root may migrate it
    return tmp_path


def run(folder: Path, *command: str) -> str:
    """What Python prints in a folder, which it looks in first, as a notebook does."""
    environment = {"PYTHONPATH": f"{folder}:{REPOSITORY}", "PATH": "/usr/bin:/bin"}
    ended = subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.mark.parametrize("theirs_first", [False, True])
def test_modules_of_the_users_work_beside_a_search(folder: Path, theirs_first: bool) -> None:
    use = "".join(USE.format(name=name) for name in own_packages.PACKAGES)
    search = f"import lookalike{SEARCH.format(data=str(folder / 'data'))}"
    run(folder, "-c", f"{use if theirs_first else ''}{search}{use}")


@pytest.mark.parametrize("theirs_first", [False, True])
def test_lookalikes_own_module_wins_where_the_users_has_that_name_too(
    folder: Path, theirs_first: bool
) -> None:
    use = "import storage; storage.double(1)\n" if theirs_first else ""
    program = (
        "import lookalike, storage; from storage import tables; print(tables.__name__, storage.double(1))"
    )
    assert run(folder, "-c", use + program) == "storage.tables 2\n"


@pytest.mark.parametrize("name", own_packages.PACKAGES)
@pytest.mark.parametrize("imports", ["import lookalike", "from lookalike import InputError, cli"])
def test_a_module_of_the_users_imports_lookalike_itself(tmp_path: Path, name: str, imports: str) -> None:
    (tmp_path / f"{name}.py").write_text(f"before = 1\n{imports}\nafter = 2\n")
    program = f"from {name} import before, after; import {name}; print(before + after, {name}.after)"
    assert run(tmp_path, "-c", program) == "3 2\n"


def test_a_package_of_the_users_keeps_its_modules(tmp_path: Path) -> None:
    package = tmp_path / "flows"
    package.mkdir()
    (package / "__init__.py").write_text("from flows.sales import total\n")
    (package / "sales.py").write_text("total = 7\n")
    for first in ("lookalike", "flows.sales"):
        imports = f"import {first}, lookalike, flows.sales, flows.config; "
        program = f"{imports}print(flows.total + flows.sales.total)"
        assert run(tmp_path, "-c", program) == "14\n"


def test_a_circle_of_imports_in_a_package_of_the_users_ends(tmp_path: Path) -> None:
    package = tmp_path / "flows"
    package.mkdir()
    (package / "__init__.py").write_text("rate = 3\nfrom flows.sales import total\n")
    (package / "sales.py").write_text("from flows import rate\nimport flows\ntotal = rate + flows.rate\n")
    assert run(tmp_path, "-c", "import lookalike, flows; print(flows.total, flows.rate)") == "6 3\n"


@pytest.mark.parametrize("first", ["lookalike, storage", "storage, lookalike, storage.tables, storage"])
def test_annotations_of_the_users_classes_are_resolved(tmp_path: Path, first: str) -> None:
    (tmp_path / "storage.py").write_text("""
from __future__ import annotations
from dataclasses import dataclass
from datetime import date
from typing import ClassVar
from pydantic import BaseModel
class Sale(BaseModel):
    day: date
@dataclass
class Basket:
    most: ClassVar[int] = 3
    sale: Sale | None = None
""")
    program = f"""
import {first}
from dataclasses import fields
from typing import get_type_hints
print(storage.Sale(day="2026-11-28").day, [field.name for field in fields(storage.Basket)])
print(get_type_hints(storage.Basket)["sale"] == storage.Sale | None)
"""
    assert run(tmp_path, "-c", program) == "2026-11-28 ['sale']\nTrue\n"


@pytest.mark.parametrize("first", ["lookalike, flows", "flows, lookalike", "flows, lookalike, flows.config"])
def test_what_is_set_in_the_users_module_is_set_for_its_functions(tmp_path: Path, first: str) -> None:
    (tmp_path / "flows.py").write_text("rate = 1\ndef doubled():\n    return 2 * rate\n")
    program = f"import {first}; import flows; flows.rate = 4; print(flows.doubled(), flows.rate)"
    assert run(tmp_path, "-c", program) == "8 4\n"


def test_a_folder_of_notes_hides_nothing(tmp_path: Path) -> None:
    (tmp_path / "storage").mkdir()
    run(tmp_path, "-c", "import lookalike; lookalike.InputError")


def test_an_error_in_the_users_module_is_its_own(tmp_path: Path) -> None:
    (tmp_path / "storage.py").write_text("1 / 0\n")
    program = """
import lookalike, storage
lookalike.InputError
try:
    storage.anything
except ZeroDivisionError as error:
    print(error)
"""
    assert run(tmp_path, "-c", program) == "division by zero\n"


def test_processes_that_lookalike_starts_run_nothing_of_the_users(tmp_path: Path) -> None:
    """A worker that decodes a photo, those that build shards, and any that gets our environment."""
    for name in own_packages.PACKAGES:
        (tmp_path / f"{name}.py").write_text("raise SystemExit('a file of the user ran')\n")
    program = f"""
import io, os, subprocess, sys
from pathlib import Path
import numpy as np
from PIL import Image
from lookalike import cli
from embedding.index import candidate_index
from storage.import_path import import_environment
from lookalike.photo_reader import decode_photo
photo = io.BytesIO()
Image.new("RGB", (30, 20)).save(photo, "JPEG")
assert decode_photo(photo.getvalue()).size == (30, 20)
child = [sys.executable, "-c", "import {", ".join(own_packages.PACKAGES)}"]
subprocess.run(child, env=os.environ | import_environment(), check=True)
cli.main(["--version"])
np.save("vectors.npy", np.eye(64, 8, dtype="float16"))
candidate_index.build(Path("vectors.npy"), dimensions=8, trees=1, shards=2, workers=2)
"""
    run(tmp_path, "-c", program)
    assert len(list(tmp_path.glob("vectors-*.ann"))) == 2


def test_what_is_installed_beside_a_package_of_that_name_is_found(tmp_path: Path) -> None:
    """Lookalike lies in a checkout then, and `pip` installed somebody else's `flows` and our dependencies."""
    for name in own_packages.PACKAGES:
        (tmp_path / "site-packages" / name).mkdir(parents=True)
        (tmp_path / "site-packages" / name / "__init__.py").write_text("raise SystemExit('not ours')\n")
    (tmp_path / "site-packages" / "dependency.py").touch()
    program = f"""
import os, subprocess, sys
from lookalike import cli
from storage.import_path import import_environment
cli.main(["--version"])
import dependency
child = [sys.executable, "-c", "import dependency, {", ".join(own_packages.PACKAGES)}"]
subprocess.run(child, env=os.environ | import_environment(), check=True)
"""
    folders = f"{tmp_path / 'site-packages'}:{REPOSITORY}"
    environment = {"PYTHONPATH": folders, "PATH": "/usr/bin:/bin"}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)


def test_both_know_the_same_packages() -> None:
    assert own_packages.PACKAGES == import_path.PACKAGES
