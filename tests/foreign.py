"""A published data folder, and changes to it as somebody else could make them."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from embedding.index.build import build_index
from storage import encoders, generations
from storage.root import Root
from tests import catalogues

COUNT = 60


def make(folder: Path) -> Path:
    """A published generation of `COUNT` products, its thumbnails and a real, small encoder."""
    root = Root.open(folder, create=True)
    catalogues.simple(root, COUNT)
    shutil.rmtree(encoders.folder(root, catalogues.MODEL))
    catalogues.write_encoder(root)
    build_index(root, catalogues.MODEL)
    shutil.rmtree(root.path / "tables")
    return root.path


def published(data: Path) -> Path:
    return generations.require_current(Root.open(data))


def signed_again(data: Path, **changes: Any) -> Path:
    """Makes every hash fit what the files hold now, as whoever sends a folder can."""
    folder = published(data)
    facts = json.loads((folder / "manifest.json").read_text())
    for file in facts["files"]:
        whole = (folder / file).read_bytes()
        facts["files"][file] = {"size_bytes": len(whole), "sha256": hashlib.sha256(whole).hexdigest()}
    for name, change in changes.items():
        facts[name] = facts[name] | change if isinstance(facts[name], dict) else change
    return with_manifest(data, facts)


def with_manifest(data: Path, facts: dict[str, Any]) -> Path:
    folder = published(data)
    text = json.dumps(facts)
    (folder / "manifest.json").write_text(text)
    name = f"{folder.name[:17]}{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    (data / "index" / "CURRENT").write_text(name)
    return folder.rename(folder.with_name(name))


def used(data: Path) -> list[Path]:
    return sorted(file for file in data.rglob("*") if file.is_file() and file.parent.name != "locks")
