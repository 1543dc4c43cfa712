"""An export: a data root of its own, whole or not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage import encoders, generations, thumbnails
from storage.encoders import EncoderSpec
from storage.errors import InputError, LookalikeError
from storage.export import export
from storage.root import Root
from tests.storage.test_generations import publish

SPEC = EncoderSpec(
    model="model-a", weights="w", size=32, dim=2048, preprocessing="letterbox-white", fingerprint="f"
)


@pytest.fixture
def published(root: Root) -> Root:
    """A root with a generation, two shards of thumbnails and an encoder."""
    shards = thumbnails.add(root, {"a": b"jpeg", "b": b"other"}, rows=1)
    with encoders.writing(encoders.folder(root, "model-a"), SPEC) as folder:
        (folder / "encoder.bin").write_bytes(b"weights")
    publish(root, shards=thumbnails.sizes(root, shards))
    return root


def test_an_export_is_a_data_root_of_its_own(published: Root, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    outcome = export(published, tmp_path / "copy", lambda done, total: told.append((done, total)))
    assert (outcome.products, outcome.items) == (2, 3)
    assert told[-1] == (outcome.size_bytes, outcome.size_bytes)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    exported = Root.open((tmp_path / "copy").rename(tmp_path / "moved"))
    folder, manifest = generations.open_current(exported)
    assert folder.name == outcome.generation == generations.current_name(published)
    assert encoders.verify(encoders.folder(exported, "model-a")) == SPEC
    assert len(thumbnails.locate(exported)) == len(manifest.thumbnails) == 2
    with pytest.raises(InputError, match="not an empty folder"):
        export(published, exported.path)


def test_an_empty_folder_may_be_given(published: Root, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    export(published, tmp_path / "copy")
    assert generations.current_name(Root.open(tmp_path / "copy")) == generations.current_name(published)


@pytest.mark.parametrize("given", [False, True], ids=["a new folder", "an empty folder"])
def test_an_export_that_fails_leaves_nothing(published: Root, tmp_path: Path, given: bool) -> None:
    target = tmp_path / "copy"
    if given:
        target.mkdir()
    (encoders.folder(published, "model-a") / "encoder.bin").write_bytes(b"weightz")
    with pytest.raises(LookalikeError, match=r"encoder\.bin is damaged"):
        export(published, target)
    published.files.remove("encoders/model-a")
    with pytest.raises(LookalikeError, match=r"export to .* failed \(No such file.*Nothing is left of it"):
        export(published, target)
    assert target.exists() == given
    assert not given or not list(target.iterdir())


def test_a_damaged_generation_is_not_exported(published: Root, tmp_path: Path) -> None:
    shard = next(published.thumbnails.glob("*.arrow"))
    shard.write_bytes(shard.read_bytes()[:-1] + b"\x01")
    with pytest.raises(LookalikeError, match="are damaged"):
        export(published, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
