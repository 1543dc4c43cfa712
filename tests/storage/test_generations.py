from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage import generations, manifest, thumbnails
from storage.errors import BusyError, InputError, NotPublishedError
from storage.manifest import GenerationError
from storage.root import Root

START = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)


def build(
    folder: Path, *, day: int = 0, model: str = "model-a", shards: dict[str, int] | None = None
) -> None:
    """The files of a generation; what is in them does not matter to storage."""
    (folder / "vectors.npy").write_bytes(bytes([day]) * 5000)
    (folder / "items.arrow").write_bytes(b"items" * 100)
    facts = manifest.Manifest(
        encoder=manifest.EncoderFacts(
            model=model, weights="w", fingerprint="f", preprocessing="letterbox-white", size=32, dim=2048
        ),
        counts=manifest.Counts(items=3, images=3, products=2, stores={"a.example": 2}, currencies=["EUR"]),
        search=manifest.Search(dimensions=2048, trees=32, seed=1, search_k=64),
        recall=manifest.Recall(goal=0.99, at_5=1.0, lower_bound=1.0, queries=3),
        content="c",
        tables={"products": day},
        files=generations.describe_files(folder),
        thumbnails=shards or {},
        built_at=START + timedelta(days=day),
        build_seconds=1.0,
    )
    manifest.write(folder, facts)


def publish(root: Root, day: int = 0, **facts: object) -> str:
    with generations.begin(root) as folder:
        build(folder, day=day, **facts)  # type: ignore[arg-type]
        return generations.publish(root, folder)


def test_nothing_is_published_at_first(root: Root) -> None:
    assert generations.current(root) is None
    assert generations.names(root) == []
    with pytest.raises(NotPublishedError, match=r"holds no published index yet\. Run `lookalike nightly`"):
        generations.require_current(root)


def test_publishing_names_the_generation_after_its_time_and_manifest(root: Root) -> None:
    name = publish(root)
    folder = generations.require_current(root)
    assert folder == root.index / name
    assert name.startswith("20261120T030000Z-")
    assert name.endswith(manifest.checksum(folder)[:12])
    assert generations.verify(folder).counts.products == 2
    assert [path.name for path in root.index.iterdir() if path.name.startswith(".")] == []


def test_a_failed_build_leaves_nothing_and_changes_nothing(root: Root) -> None:
    name = publish(root)

    def fail() -> None:
        with generations.begin(root) as folder:
            build(folder, day=1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert [path.name for path in root.index.iterdir() if path.name.startswith(".")] == []
    assert generations.current_name(root) == name
    assert generations.names(root) == [name]


def test_what_other_machines_built_for_a_killed_build_is_cleared(root: Root) -> None:
    name = publish(root)
    left = root.path / f"{generations.SCRATCH}1234"
    left.mkdir()
    (left / "vectors.npy").write_bytes(b"large")
    with generations.begin(root):
        assert not left.exists()
    assert generations.current_name(root) == name
    assert generations.verify(root.index / name)


def test_what_a_killed_build_left_is_cleared(root: Root) -> None:
    left = root.index / ".building-killed"
    left.mkdir()
    (left / "vectors.npy").write_bytes(b"half")
    publish(root)
    assert not left.exists()


def test_a_build_that_changed_after_its_manifest_is_not_published(root: Root) -> None:
    name = publish(root)
    with generations.begin(root) as folder:
        build(folder, day=1)
        (folder / "vectors.npy").write_bytes(b"\x09" * 5000)
        with pytest.raises(GenerationError, match=r"vectors\.npy changed"):
            generations.publish(root, folder)
    assert generations.current_name(root) == name


def test_the_last_three_are_kept(root: Root) -> None:
    published = [publish(root, day) for day in range(5)]
    assert generations.names(root) == published[2:]
    assert generations.current_name(root) == published[4]


def test_the_published_one_is_kept_however_old(root: Root) -> None:
    first, second, third = (publish(root, day) for day in range(3))
    assert generations.rollback(root, first) == first
    with generations.begin(root) as folder:
        build(folder, day=3)
        fourth = generations.publish(root, folder)
    assert generations.names(root) == [second, third, fourth]
    assert generations.rollback(root, second) == second
    assert generations.prune(root) == []
    assert generations.current_name(root) == second


def test_rollback_goes_to_the_one_before_and_then_further(root: Root) -> None:
    first, second, _ = (publish(root, day) for day in range(3))
    assert generations.rollback(root) == second
    assert generations.rollback(root) == first
    with pytest.raises(InputError, match="no generation before the published one"):
        generations.rollback(root)
    assert generations.current_name(root) == first


def test_rollback_refuses_names_that_are_not_there(root: Root) -> None:
    name = publish(root)
    with pytest.raises(InputError, match=f"no generation '../x'.*{name}"):
        generations.rollback(root, "../x")


def test_rollback_refuses_a_damaged_generation(root: Root) -> None:
    first, second = publish(root, 0), publish(root, 1)
    (root.index / first / "items.arrow").write_bytes(b"items" * 99 + b"itemz")
    with pytest.raises(GenerationError, match=r"items\.arrow changed"):
        generations.rollback(root)
    assert generations.current_name(root) == second


def test_rollback_repairs_a_damaged_current(root: Root) -> None:
    first, second = publish(root, 0), publish(root, 1)
    (root.index / "CURRENT").write_bytes(b"\xff\x00")
    with pytest.raises(GenerationError, match="names no generation"):
        generations.current(root)
    assert generations.rollback(root) == second
    assert generations.rollback(root) == first


def test_rollback_waits_for_no_one(root: Root) -> None:
    publish(root, 0)
    publish(root, 1)
    with root.lock(generations.LOCK), pytest.raises(BusyError):
        generations.rollback(root)


@pytest.mark.parametrize("file", ["vectors.npy", "items.arrow", "manifest.json"])
def test_one_changed_bit_is_found(root: Root, file: str) -> None:
    folder = root.index / publish(root)
    data = bytearray((folder / file).read_bytes())
    # In the manifest: a digit of search_k, so that it still reads well.
    at = data.index(b'"search_k": 64') + 12 if file == "manifest.json" else len(data) // 2
    data[at] ^= 1
    (folder / file).write_bytes(data)
    with pytest.raises(GenerationError, match=f"is damaged .its {file}"):
        generations.verify(folder)


@pytest.mark.parametrize("file", ["vectors.npy", "items.arrow", "manifest.json"])
def test_a_missing_or_cut_file_is_found(root: Root, file: str) -> None:
    folder = root.index / publish(root)
    data = (folder / file).read_bytes()
    (folder / file).write_bytes(data[:100])
    with pytest.raises(GenerationError, match=f"is damaged .its {file}"):
        generations.verify(folder)
    (folder / file).unlink()
    with pytest.raises(GenerationError, match=f"{file}: No such file"):
        generations.verify(folder)


def test_a_manifest_from_the_future_is_refused(root: Root) -> None:
    folder = root.index / publish(root)
    facts = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(
        json.dumps(facts | {"schema_version": manifest.SCHEMA_VERSION + 1, "novel": True})
    )
    with pytest.raises(GenerationError, match=r"written by a newer release.*Update Lookalike"):
        generations.verify(folder)


@pytest.mark.parametrize("version", range(1, manifest.SCHEMA_VERSION + 1))
def test_a_generation_of_every_schema_version_is_read_for_ever(root: Root, version: int) -> None:
    folder = root.index / publish(root)
    facts = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(facts | {"schema_version": version}))
    assert manifest.read(folder).schema_version == version


def test_thumbnails_and_encoders_go_with_the_last_generation_that_names_them(root: Root) -> None:
    old, shared, waiting = (thumbnails.add(root, {name: b"jpeg-" + name.encode()})[0] for name in "abc")
    for model in ("model-a", "model-b", "model-new"):
        (root.encoders / model).mkdir()
    publish(root, 0, model="model-a", shards=thumbnails.sizes(root, [old, shared]))
    for day in (1, 2):
        publish(root, day, model="model-b", shards=thumbnails.sizes(root, [shared]))
    assert {path.stem for path in root.thumbnails.glob("*.arrow")} == {old, shared, waiting}
    publish(root, 3, model="model-b", shards=thumbnails.sizes(root, [shared]))
    assert {path.stem for path in root.thumbnails.glob("*.arrow")} == {shared, waiting}
    assert sorted(path.name for path in root.encoders.iterdir()) == ["model-b", "model-new"]


def test_an_encoder_stays_while_something_is_being_embedded(root: Root) -> None:
    (root.encoders / "model-a").mkdir()
    publish(root, 0, model="model-a")
    with root.lock("embed"):
        for day in (1, 2, 3):
            publish(root, day, model="model-b")
    assert (root.encoders / "model-a").is_dir()
