"""Segmentation: the trunk cut out of an encoder, the head on it, and the garments in what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from embedding.encoder import segmentation
from embedding.encoder.regions import GARMENTS, crop_box, on_pale_ground, regions
from embedding.encoder.segmentation import (
    CLASSES,
    SIZE,
    STRIDES,
    SegmentationHead,
    Segmenter,
    read_head,
    trunk,
    write_head,
)
from storage.errors import LookalikeError
from storage.root import Root
from tests import catalogues
from tests.segmenters import colour_head, write_trunk_encoder

RED, BLUE, WHITE = (220, 20, 30), (20, 30, 220), (255, 255, 255)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_trunk_encoder(Root.open(tmp_path_factory.mktemp("segmentation") / "data", create=True))


def test_the_trunk_gives_a_map_at_each_stride(folder: Path) -> None:
    maps = segmentation.compiled(trunk(folder), 1)({0: np.zeros((2, SIZE, SIZE, 3), np.uint8)})
    assert [one.shape for one in maps.values()] == [
        (2, 64 * stride, SIZE // stride, SIZE // stride) for stride in STRIDES
    ]


@pytest.mark.parametrize("size", [(60, 80), (80, 60), (50, 50), (400, 90), (1, 300), (1200, 900)])
def test_each_pixel_of_a_photo_gets_probabilities(folder: Path, size: tuple[int, int]) -> None:
    [found] = Segmenter(folder, colour_head(), threads=1).segment([Image.new("RGB", size, RED)])
    scale = SIZE / max(size)
    assert found.shape == (len(CLASSES), max(1, round(size[1] * scale)), max(1, round(size[0] * scale)))
    np.testing.assert_allclose(found.sum(axis=0), 1, atol=2e-2)


def test_photos_of_all_sizes_are_segmented_together_as_alone(folder: Path) -> None:
    segmenter = Segmenter(folder, colour_head(), threads=1)
    photos = [_on_white((30 + 7 * at, 90 - 2 * at), RED, (0.2, 0.2, 0.7, 0.8)) for at in range(19)]
    for together, photo in zip(segmenter.segment(photos), photos, strict=True):
        np.testing.assert_allclose(together, segmenter.segment([photo])[0], atol=0.02)


@pytest.mark.parametrize("box", [(0.1, 0.1, 0.5, 0.9), (0.55, 0.05, 0.95, 0.4), (0.2, 0.6, 0.9, 0.95)])
@pytest.mark.parametrize("size", [(200, 300), (300, 200), (97, 97)])
def test_garments_are_found_where_they_are(
    folder: Path, size: tuple[int, int], box: tuple[float, float, float, float]
) -> None:
    [found] = Segmenter(folder, colour_head(), threads=1).segment([_on_white(size, RED, box)])
    [region] = regions(found)
    assert region.name == "top"
    np.testing.assert_allclose(region.box, box, atol=0.06)
    assert 0.5 < region.score <= 1


def test_what_somebody_wears_are_as_many_garments_as_it_has_classes() -> None:
    worn = np.zeros((len(CLASSES), 120, 60), np.float32)
    for name, rows in (
        ("person", (0, 20)),
        ("top", (20, 60)),
        ("bottom", (60, 105)),
        ("footwear", (105, 120)),
    ):
        worn[CLASSES.index(name), slice(*rows), 15:45] = 1
    worn[0] = 1 - worn.sum(axis=0)
    assert [region.name for region in regions(worn)] == ["bottom", "top", "footwear"]
    assert all(region.worn for region in regions(worn))
    alone = worn.copy()
    alone[0] += alone[CLASSES.index("person")]
    alone[CLASSES.index("person")] = 0
    [thing] = regions(alone)
    assert (thing.name, thing.worn) == ("bottom", False)
    np.testing.assert_allclose(thing.box, (0.25, 20 / 120, 0.75, 1))


def test_garments_of_two_kinds_are_two_and_the_larger_is_first(folder: Path) -> None:
    photo = _on_white((200, 200), RED, (0.1, 0.1, 0.4, 0.4))
    photo.paste(Image.new("RGB", (90, 80), BLUE), (100, 110))
    [found] = Segmenter(folder, colour_head(), threads=1).segment([photo])
    assert [region.name for region in regions(found)] == ["bottom", "top"]


def test_a_photo_without_a_garment_has_none(folder: Path) -> None:
    [found] = Segmenter(folder, colour_head(), threads=1).segment([Image.new("RGB", (90, 120), WHITE)])
    assert regions(found) == []


def test_pieces_that_are_near_are_one_garment_and_those_apart_are_several() -> None:
    shoes = np.zeros((len(CLASSES), 100, 100), np.float32)
    shoes[0] = 1
    at = CLASSES.index("footwear")
    for left in (10, 35, 38 + 20 + 30):
        shoes[:, 40:60, left : left + 20] = 0
        shoes[at, 40:60, left : left + 20] = 1
    first, second = regions(shoes)
    assert first.box == (0.1, 0.4, 0.55, 0.6)
    assert second.box == (0.88, 0.4, 1.0, 0.6)


@pytest.mark.parametrize("seed", range(8))
def test_pieces_of_any_shape_are_told_apart(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = ndimage.gaussian_filter(rng.normal(size=(70, 110)), 3.5) > 0.03
    probabilities = np.stack([1.0 - mask, *[np.zeros_like(mask)] * (len(CLASSES) - 2), mask]).astype(
        np.float32
    )
    near = ndimage.binary_dilation(mask, np.ones((7, 7)))
    numbers, count = ndimage.label(near)
    wanted = [mask & (numbers == number) for number in range(1, count + 1)]
    found = regions(probabilities, 0.0)
    assert {region.name for region in found} == {GARMENTS[-1]}
    assert sorted(one.mask.tobytes() for one in found) == sorted(one.tobytes() for one in wanted)


@pytest.mark.parametrize("size", [(300, 200), (80, 160), (1, 1)])
def test_a_crop_has_a_margin_and_stays_in_the_photo(size: tuple[int, int]) -> None:
    width, height = size
    assert crop_box((0.0, 0.0, 1.0, 1.0), size) == (0, 0, width, height)
    left, top, right, bottom = crop_box((0.25, 0.5, 0.75, 1.0), size)
    assert 0 <= left <= 0.25 * width
    assert 0 <= top <= 0.5 * height
    assert left < right <= width
    assert top < bottom == height
    assert (right - left) <= 0.56 * width + 1


@pytest.mark.parametrize("size", [(1, 1), (3, 3), (8, 2), (1, 500), (500, 1)])
@pytest.mark.parametrize("edges", [(0.0, 0.01), (0.4, 0.46), (0.6, 0.65), (0.99, 1.0)])
def test_a_crop_of_a_tiny_photo_has_a_pixel_at_least(
    size: tuple[int, int], edges: tuple[float, float]
) -> None:
    (near, far), (width, height) = edges, size
    left, top, right, bottom = crop_box((near, near, far, far), size)
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height


@pytest.mark.parametrize("size", [(300, 200), (64, 128)])
def test_only_the_background_becomes_pale(size: tuple[int, int]) -> None:
    width, height = size
    probabilities = np.zeros((len(CLASSES), height // 2, width // 2), np.float32)
    probabilities[0] = 1
    for name, columns in (("person", slice(0, width // 8)), ("dress", slice(width // 8, width // 4))):
        probabilities[:, :, columns] = 0
        probabilities[CLASSES.index(name), :, columns] = 1
    made = np.asarray(on_pale_ground(Image.new("RGB", size, (10, 90, 40)), probabilities))
    assert (made[:, : width // 2 - 4] == (10, 90, 40)).all()
    assert (made[:, width // 2 + 4 :] == 255).all()


def test_an_encoder_without_a_fitted_head_is_a_sentence(folder: Path) -> None:
    other = SegmentationHead(colour_head().arrays, ("another",))
    with pytest.raises(
        LookalikeError, match=r"by the encoder test-32: no segmentation head was fitted to it"
    ):
        Segmenter(folder, other)


def test_an_encoder_without_a_resnet50_is_a_sentence(tmp_path: Path) -> None:
    root = Root.open(tmp_path / "data", create=True)
    catalogues.write_encoder(root)
    [encoder] = [one for one in root.encoders.iterdir() if one.is_dir()]
    with pytest.raises(LookalikeError, match="has no ResNet50"):
        trunk(encoder)


def test_a_head_is_read_as_it_was_written(tmp_path: Path) -> None:
    head = colour_head()
    write_head(tmp_path / "head.npz", head)
    again = read_head(tmp_path / "head.npz")
    assert again.of == head.of
    assert again.arrays.keys() == head.arrays.keys()
    for key, array in head.arrays.items():
        np.testing.assert_allclose(again.arrays[key], array, rtol=1e-3)


@pytest.mark.parametrize("damage", ["no file", "cut", "an array is missing", "no fingerprints"])
def test_a_damaged_head_is_a_sentence(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "head.npz"
    head = colour_head()
    write_head(file, head)
    if damage == "no file":
        file.unlink()
    elif damage == "cut":
        file.write_bytes(file.read_bytes()[:-200])
    else:
        stored = dict(np.load(file))
        stored.pop("logits/bias" if damage == "an array is missing" else "of")
        np.savez(file, **stored)
    with pytest.raises(LookalikeError, match=r"holds no segmentation head .* Install Lookalike again"):
        read_head(file)


def test_the_bundled_head_is_of_the_bundled_weights() -> None:
    from embedding.encoder.weights import BUNDLED, BUNDLED_FAST, load_weights

    wanted = {load_weights(name).fingerprint for name in (BUNDLED, BUNDLED_FAST)}
    assert set(segmentation.bundled_head().of) == wanted


def _on_white(
    size: tuple[int, int], colour: tuple[int, int, int], box: tuple[float, float, float, float]
) -> Image.Image:
    left, top, right, bottom = (round(share * size[at % 2]) for at, share in enumerate(box))
    photo = Image.new("RGB", size, WHITE)
    photo.paste(Image.new("RGB", (right - left, bottom - top), colour), (left, top))
    return photo
