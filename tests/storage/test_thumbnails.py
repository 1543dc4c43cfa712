from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from storage import thumbnails
from storage.manifest import GenerationError
from storage.root import Root
from storage.thumbnails import Thumbnails
from storage.verification_cache import sha256_of


def places(root: Root) -> dict[str, tuple[str, int]]:
    located = thumbnails.locate(root).to_pylist()
    return {row["image_id"]: (row["thumbnail_shard"], row["thumbnail_row"]) for row in located}


def test_thumbnails_are_found_and_read(root: Root) -> None:
    photos = {f"image-{at}": bytes([at]) * (at + 1) for at in range(10)}
    shards = thumbnails.add(root, photos, rows=4)
    assert len(shards) == 3
    stored = Thumbnails(root, thumbnails.sizes(root, shards))
    found = places(root)
    assert {image_id: stored.read(*found[image_id]) for image_id in photos} == photos


def test_no_thumbnails_have_no_places(root: Root) -> None:
    assert places(root) == {}
    assert thumbnails.add(root, {}) == []


def test_equal_thumbnails_give_an_equal_shard(root: Root) -> None:
    first = thumbnails.add(root, {"a": b"1", "b": b"2"})
    before = (root.thumbnails / f"{first[0]}.arrow").read_bytes()
    assert thumbnails.add(root, iter([("a", b"1"), ("b", b"2")])) == first
    assert (root.thumbnails / f"{first[0]}.arrow").read_bytes() == before
    assert [path.name for path in root.thumbnails.iterdir()] == [f"{first[0]}.arrow"]


def test_an_image_in_two_shards_has_one_place(root: Root) -> None:
    shards = thumbnails.add(root, {"a": b"1"}) + thumbnails.add(root, {"b": b"2", "a": b"1"})
    assert places(root)["a"][0] == min(shards)


def test_a_shard_stays_readable_when_its_file_goes(root: Root) -> None:
    shard = thumbnails.add(root, {"a": b"photo"})[0]
    stored = Thumbnails(root, thumbnails.sizes(root, [shard]))
    (root.thumbnails / f"{shard}.arrow").unlink()
    assert stored.read(shard, 0) == b"photo"


def test_a_missing_or_damaged_shard_is_a_sentence(root: Root) -> None:
    shard = thumbnails.add(root, {"a": b"photo"})[0]
    sizes = thumbnails.sizes(root, [shard])
    file = root.thumbnails / f"{shard}.arrow"
    whole = file.read_bytes()
    file.write_bytes(whole[:-50])
    with pytest.raises(GenerationError, match="are damaged"):
        Thumbnails(root, sizes)
    file.write_bytes(b"X" * len(whole))
    opened = Thumbnails(root, sizes)  # in no time, however much there is: a shard is read when it is needed
    with pytest.raises(GenerationError, match="are damaged"):
        opened.read(shard, 0)
    with pytest.raises(GenerationError, match="are damaged"):
        thumbnails.verify(root, sizes)
    assert places(root) == {}, "it is made again"
    file.unlink()
    with pytest.raises(GenerationError, match="cannot be read"):
        Thumbnails(root, sizes)


def photograph(width: int, height: int) -> bytes:
    colours = np.random.default_rng(width).integers(0, 256, (4, 3, 3), dtype=np.uint8)
    image = Image.fromarray(colours).resize((width, height), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG")
    return buffer.getvalue()


def test_grids_of_colours_are_stored_beside_the_thumbnails(root: Root) -> None:
    photos = {
        f"{at}": photograph(*size) for at, size in enumerate([(192, 256), (256, 100), (3, 256), (9, 9)])
    }
    photos["none"] = b"no photo"
    [shard] = thumbnails.add(root, photos)
    stored = Thumbnails(root, thumbnails.sizes(root, [shard]))
    for row, jpeg in enumerate(list(photos.values())[:-1]):
        grid = stored.grid(shard, row)
        assert max(grid.shape) == thumbnails.GRID_SIDE
        np.testing.assert_array_equal(grid, thumbnails.grid(jpeg))
    assert stored.read(shard, 4) == b"no photo"


def test_a_shard_of_an_earlier_release_has_its_grids_decoded(root: Root) -> None:
    jpeg = photograph(192, 256)
    old = pa.table({"image_id": ["a"], "jpeg": pa.array([jpeg], pa.binary())})
    unfinished = root.thumbnails / ".unfinished"
    with pa.OSFile(str(unfinished), "wb") as sink, pa.ipc.new_file(sink, old.schema) as writer:
        writer.write_table(old)
    shard = sha256_of(unfinished)[:20]
    unfinished.rename(root.thumbnails / f"{shard}.arrow")
    stored = Thumbnails(root, thumbnails.sizes(root, [shard]))
    assert stored.read(shard, 0) == jpeg
    np.testing.assert_array_equal(stored.grid(shard, 0), thumbnails.grid(jpeg))
