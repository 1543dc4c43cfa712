"""The built wheel installs, imports from anywhere and carries its data, and nothing that only tests need."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent.parent
ROOMS = ("storage", "scrapers", "embedding", "flows", "lookalike", "dashboards")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    sources = folder / "sources"
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
    ).stdout.split(b"\0")
    for name in filter(None, tracked):
        source, copy = REPOSITORY / name.decode(), sources / name.decode()
        if source.is_file():
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(source.read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", folder, sources], check=True)
    return next(folder.glob("*.whl"))


def test_it_holds_the_rooms_and_their_data_only(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    folders = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert folders == set(ROOMS)
    for needed in (
        "embedding/encoder/weights/fashion.npz",
        "embedding/encoder/weights/fashion-fast.npz",
        "embedding/encoder/weights/NOTICE",
        "lookalike/py.typed",
        "lookalike/vocabulary.toml",
        "lookalike/widget.js",
        "lookalike/demo/catalogue.parquet",
    ):
        assert needed in names


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed") / "site"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder, wheel]
    subprocess.run(command, check=True)
    return folder


@pytest.mark.parametrize("first", ["lookalike", "storage, scrapers, embedding, flows, dashboards"])
def test_files_of_the_users_with_the_rooms_names_work_beside_it(
    installed: Path, tmp_path: Path, first: str
) -> None:
    rooms = [room for room in ROOMS if room != "lookalike"]
    for room in rooms:
        (tmp_path / f"{room}.py").write_text(f"MINE = {room!r}\n")
    golden = tmp_path / "data"  # opening a root may migrate it
    shutil.copytree(REPOSITORY / "tests" / "golden" / "generation-v2", golden)
    script = f"""
import {first}
import lookalike
shop = lookalike.open({str(golden)!r})
assert len(shop.products())
import {", ".join(rooms)}
print({", ".join(f"{room}.MINE" for room in rooms)})
"""
    ended = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{tmp_path}:{installed}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout.split() == rooms, ended.stderr


def test_it_imports_away_from_the_repository(installed: Path, tmp_path: Path) -> None:
    script = f"""
import importlib, sys
for room in {ROOMS}:
    module = importlib.import_module(room)
    assert module.__file__.startswith({str(installed)!r}), module.__file__
from embedding.encoder.weights import load_weights
assert len(load_weights("fashion").arrays) == 568
"""
    environment = {"PYTHONPATH": str(installed), "PATH": "/usr/bin:/bin"}
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=environment, check=True)
    shown = subprocess.run(
        [sys.executable, "-m", "lookalike.cli", "--help"],
        cwd=tmp_path,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    assert "nightly" in shown.stdout
