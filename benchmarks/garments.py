"""Fits the segmentation head that finds garments in photos, and measures it.

    python benchmarks/labelled_photos.py ../shared/data PHOTOS
    python benchmarks/garments.py ../shared/data PHOTOS [--fit] [--scratch DIR]

Masks are those of `looks.parquet` and cut-outs of `catalogue.parquet`, pasted on photos of `other.parquet`,
textures, gradients and flat colours. `--fit` fits the head to `fashion-fast`, whose ResNet50 `fashion` has,
too, and writes it beside the bundled weights. What is printed is of the validation split: looks, and
held-out garments on held-out grounds. Feature maps are kept in DIR, so that another run only fits.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.random import default_rng

from embedding.encoder.convert import convert
from embedding.encoder.regions import GARMENTS, Region, regions
from embedding.encoder.segmentation import (
    BACKGROUND,
    CLASSES,
    FILE,
    SegmentationHead,
    Segmenter,
    bundled_head,
    write_head,
)
from embedding.encoder.weights import BUNDLED, BUNDLED_FAST, load_weights
from embedding.training import segmentation
from embedding.training.cut_outs import (
    CutOut,
    Masked,
    bits,
    closer,
    cut_out,
    grounds,
    looks,
    pasted,
    resized,
    shop_photos,
)
from embedding.training.datasets import is_validation
from embedding.training.segmentation import Axes, Examples
from storage.atomic import replacing

_SHARES = {"top": 0.32, "bottom": 0.17, "dress": 0.06, "footwear": 0.18, "bag": 0.12, "accessory": 0.15}
"""How many of the cut-outs sell what."""

_CUT_OUTS, _PARTS = 400, 5  # of each part, and parts
_GROUNDS_ALONE = 80
_HELD_OUT = 192
_IOU = 0.5
_TIMED = 40


def main(data: Path, photos: Path, scratch: Path, *, fit: bool) -> None:
    """Fits if asked to, measures and prints."""
    weights = load_weights(BUNDLED_FAST)
    encoder = scratch / "encoder"
    if not encoder.exists():
        convert(weights, encoder)
    head = _fitted(encoder, data, photos, scratch) if fit else bundled_head()
    segmenter = Segmenter(encoder, head)
    held_out = list(looks(data / "looks.parquet", held_out=True))
    pairs = [(masked, cut) for masked, cut in _composites(data, photos, _HELD_OUT, seed=1, held_out=True)]
    whole = [cut is None or not cut.worn for _, cut in pairs]
    for name, some in (
        (f"looks ({len(held_out)})", held_out),
        (
            f"pasted, nobody wears it ({sum(whole)})",
            [one for (one, _), alone in zip(pairs, whole, strict=True) if alone],
        ),
        (
            f"pasted, worn ({len(whole) - sum(whole)})",
            [one for (one, _), alone in zip(pairs, whole, strict=True) if not alone],
        ),
    ):
        _measure(name, segmenter, some)
    started = time.process_time()
    for masked in held_out[:_TIMED]:
        segmenter.segment([masked.image])
    spent = (time.process_time() - started) / min(_TIMED, len(held_out))
    print(f"{1000 * spent:.0f} ms of processor time a photo.")


def _fitted(encoder: Path, data: Path, photos: Path, scratch: Path) -> SegmentationHead:
    """Fits the head, and writes it beside the bundled weights."""
    axes = _axes(scratch / "axes.npz", lambda: segmentation.main_axes(encoder, _sample(data, photos)))
    learnt = [
        _kept(scratch / f"{name}.npz", lambda part=part: segmentation.examples(encoder, axes, part()))
        for name, part in _training(data, photos).items()
    ]
    arrays = segmentation.fit(
        learnt, axes, on_epoch=lambda epoch, loss: print(f"epoch {epoch}: loss {loss:.3f}", flush=True)
    )
    head = SegmentationHead(arrays, tuple(load_weights(name).fingerprint for name in (BUNDLED, BUNDLED_FAST)))
    with resources.as_file(resources.files("embedding.encoder") / "weights") as folder:
        write_head(folder / FILE, head)
    return head


def _training(data: Path, photos: Path) -> dict[str, Callable[[], Iterator[Masked]]]:
    """What makes the photos that the head is fitted to, by name."""
    file = data / "looks.parquet"
    rng = default_rng(5)
    parts: dict[str, Callable[[], Iterator[Masked]]] = {"looks0": lambda: looks(file, held_out=False)}
    for number in (1, 2):
        parts[f"looks{number}"] = lambda: (closer(look, rng) for look in looks(file, held_out=False))
    for part in range(_PARTS):
        parts[f"comp{part}"] = lambda seed=100 + part: (
            masked for masked, _ in _composites(data, photos, _CUT_OUTS, seed=seed, held_out=False)
        )
    parts["neg"] = lambda: _grounds_alone(data, seed=9)
    return parts


def _composites(
    data: Path, photos: Path, count: int, *, seed: int, held_out: bool
) -> Iterator[tuple[Masked, CutOut]]:
    rng = default_rng(seed)
    sold = shop_photos(photos / "catalogue.parquet", held_out=held_out)
    ground = grounds(_others(data, held_out=held_out), rng)
    names, shares = list(_SHARES), np.array(list(_SHARES.values()))
    while count:
        name = names[rng.choice(len(names), p=shares)]
        cut = cut_out(sold[name][rng.integers(len(sold[name]))], name)
        if cut is not None:
            count -= 1
            yield pasted(cut, next(ground), rng), cut


def _grounds_alone(data: Path, *, seed: int) -> Iterator[Masked]:
    ground = grounds(_others(data, held_out=False), default_rng(seed))
    for _ in range(_GROUNDS_ALONE):
        image = next(ground)
        yield Masked(image, np.full((image.height, image.width), bits(BACKGROUND), np.uint8))


def _others(data: Path, *, held_out: bool) -> list[bytes]:
    table = pq.read_table(data / "other.parquet", columns=["id", "image"])
    rows = zip(table["id"].to_pylist(), table["image"].to_pylist(), strict=True)
    return [image for photo_id, image in rows if is_validation(str(photo_id)) == held_out]


def _sample(data: Path, photos: Path) -> Iterator[Masked]:
    """Photos that the main directions are learnt from."""
    yield from (masked for masked, _ in _composites(data, photos, 80, seed=77, held_out=False))
    for row, look in enumerate(looks(data / "looks.parquet", held_out=False)):
        if row % 9 == 0:
            yield look


def _measure(name: str, segmenter: Segmenter, photos: list[Masked]) -> None:
    """Prints mean IoU of classes and foreground, and precision and recall of boxes."""
    both, either = np.zeros(len(CLASSES)), np.zeros(len(CLASSES))
    foreground = []
    found = wanted = right = 0
    for masked, probabilities in zip(photos, segmenter.segment([one.image for one in photos]), strict=True):
        allowed = resized(masked.allowed, probabilities.shape[1:])
        sure = np.isin(allowed, [1 << at for at in range(len(CLASSES))])
        likeliest = 1 << probabilities.argmax(axis=0)
        for at in range(len(CLASSES)):
            is_it, said = allowed == 1 << at, (likeliest == 1 << at) & sure
            both[at] += (is_it & said).sum()
            either[at] += (is_it | said).sum()
        shown, seen = allowed != bits(BACKGROUND), probabilities[0] < 0.5
        foreground.append((shown & seen).sum() / max(1, (shown | seen).sum()))
        true = regions(np.stack([allowed == 1 << at for at in range(len(CLASSES))]).astype(np.float32))
        given = regions(probabilities)
        found, wanted, right = found + len(given), wanted + len(true), right + _matched(given, true)
    iou = {name: both[at] / either[at] for at, name in enumerate(CLASSES) if either[at]}
    of_garments = [iou[name] for name in GARMENTS if name in iou]
    print(
        f"{name}: mean IoU of garments {np.mean(of_garments):.3f}, foreground {np.mean(foreground):.3f}; "
        f"boxes at IoU {_IOU}: precision {right / max(1, found):.3f} of {found}, "
        f"recall {right / max(1, wanted):.3f} of {wanted}."
    )
    print("  " + ", ".join(f"{name} {value:.3f}" for name, value in iou.items()), flush=True)


def _matched(given: list[Region], true: list[Region]) -> int:
    """How many regions have the class of a true one, and a box that overlaps with its box enough."""
    left = list(true)
    right = 0
    for region in given:
        fits = [one for one in left if one.name == region.name and _overlap(region.box, one.box) >= _IOU]
        if fits:
            left.remove(fits[0])
            right += 1
    return right


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Intersection over union of two boxes."""
    width, height = (min(one[at + 2], other[at + 2]) - max(one[at], other[at]) for at in (0, 1))
    both = max(0, width) * max(0, height)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return both / (sum(areas) - both)


def _kept(file: Path, make: Callable[[], Examples]) -> Examples:
    """The examples in a file, made where it is missing."""
    if not file.exists():
        made = make()
        with replacing(file) as unfinished:
            np.savez(unfinished, a=made.allowed, **{f"f{at}": one for at, one in enumerate(made.maps)})
    with np.load(file) as stored:
        return Examples([stored[f"f{at}"] for at in range(len(stored.files) - 1)], stored["a"])


def _axes(file: Path, make: Callable[[], list[Axes]]) -> list[Axes]:
    if not file.exists():
        made = {f"{part}{at}": value for at, axes in enumerate(make()) for part, value in vars(axes).items()}
        with replacing(file) as unfinished:
            np.savez(unfinished, **made)
    with np.load(file) as stored:
        parts = ("mean", "std", "directions")
        return [Axes(*(stored[f"{part}{at}"] for part in parts)) for at in range(len(stored.files) // 3)]


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("data", type=Path, metavar="DATA")
    arguments.add_argument("photos", type=Path, metavar="PHOTOS")
    arguments.add_argument("--fit", action="store_true")
    arguments.add_argument("--scratch", type=Path, metavar="DIR", help="keeps feature maps for the next run")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        main(given.data, given.photos, given.scratch or Path(passing), fit=given.fit)
