from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from embedding.encoder.heads import Head
from embedding.index.projection import MAX_DIMENSIONS, MIN_IMAGES, RECOGNISED_LENGTH, Projection, fit

INPUTS = 96


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def cloud(count: int, seed: int = 0, inputs: int = INPUTS) -> np.ndarray:
    """Unit vectors away from the origin whose directions vary very unequally."""
    scales = np.linspace(1, 0.02, inputs) ** 2
    return unit(np.random.default_rng(seed).standard_normal((count, inputs)) * scales + 0.5)


def fitted(vectors: np.ndarray, block: int = 100, **limits: object) -> Projection:
    blocks = [vectors[start : start + block] for start in range(0, len(vectors), block)]
    return fit(lambda: iter(blocks), vectors.shape[1], **limits)  # type: ignore[arg-type]


def recognising(attribute: str, classes: int = 4) -> Head:
    kernel = np.random.default_rng(len(attribute)).normal(0, 9, (INPUTS, classes)).astype(np.float16)
    return Head(
        attribute, tuple("abcdefgh"[:classes]), kernel.astype(np.float32), np.zeros(classes, np.float32)
    )


def test_projected_vectors_have_norm_1() -> None:
    vectors = cloud(1000)
    projected = fitted(vectors, max_dimensions=32).apply(vectors)
    assert projected.shape == (1000, 32)
    assert projected.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(projected, axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 10, 300])
def test_a_small_catalogue_is_compared_as_the_encoder_gives_it(count: int) -> None:
    vectors = cloud(count)
    projection = fitted(vectors)
    assert projection.dimensions == INPUTS
    np.testing.assert_allclose(projection.apply(vectors), vectors, atol=1e-6)


def test_dimensions_are_as_many_as_the_data_supports() -> None:
    flat = np.random.default_rng(0).standard_normal((1000, 7)) @ np.random.default_rng(1).standard_normal(
        (7, INPUTS)
    )
    assert fitted(unit(flat)).dimensions == 7
    same = np.tile(cloud(1), (1000, 1))
    assert fitted(same).dimensions >= 1
    assert np.isfinite(fitted(same).apply(same)).all()


def test_a_photo_is_nearer_to_its_like_than_before() -> None:
    """What is common to all photos, the mean, no longer hides the difference between them."""
    vectors = cloud(2000)
    projected = fitted(vectors, max_dimensions=32).apply(vectors)
    assert np.median(vectors @ vectors[0]) > 0.5
    assert abs(np.median(projected @ projected[0])) < 0.1


def test_photos_recognised_as_the_same_lie_nearer_than_before() -> None:
    vectors, head = cloud(2000), recognising("colour")
    plain, beside = fitted(vectors), fitted(vectors, heads={"colour": head})
    seen = head.probabilities(vectors).argmax(axis=1)
    same = seen[:, None] == seen
    apart = []
    for projection in (plain, beside):
        projected = projection.apply(vectors)
        alike = projected @ projected.T
        apart.append(alike[same].mean() - alike[~same].mean())
    assert apart[1] > apart[0] + 0.1


@pytest.mark.parametrize("count", [50, 2000])  # fewer than inputs, and more
def test_the_part_recognised_is_as_long_as_it_says(count: int) -> None:
    """Cosines are those of vectors and roots of probabilities together, where no direction is left out."""
    vectors, heads = cloud(count), {name: recognising(name) for name in ("article_type", "colour")}
    projection = fitted(vectors, heads=heads, max_dimensions=INPUTS + 8, min_images=1)
    probabilities = [head.probabilities(vectors) for head in heads.values()]
    sure = [np.square(one).sum(axis=1).mean() for one in probabilities]
    assert projection.lengths == pytest.approx([RECOGNISED_LENGTH * share for share in sure], rel=1e-4)
    parts = [length * np.sqrt(one) for length, one in zip(projection.lengths, probabilities, strict=True)]
    both = np.concatenate([vectors, *parts], axis=1)
    assert projection.learnt_explained == pytest.approx(1, abs=1e-3)
    centred, projected = unit(both - both.mean(axis=0)), projection.apply(vectors)
    np.testing.assert_allclose(projected @ projected[:5].T, centred @ centred[:5].T, atol=1e-3)


def test_a_head_that_is_not_sure_of_a_catalogue_counts_less() -> None:
    vectors, sure = cloud(2000), recognising("colour")
    guessing = replace(sure, kernel=sure.kernel / 20)
    lengths = [fitted(vectors, heads={"colour": head}).lengths[0] for head in (sure, guessing)]
    assert lengths[0] > 2 * lengths[1]
    assert lengths[1] < 0.4 * RECOGNISED_LENGTH


def test_a_projection_of_before_has_parts_of_half_a_length(tmp_path: Path) -> None:
    vectors, heads = cloud(1000), {"colour": recognising("colour")}
    projection = replace(fitted(vectors, heads=heads), lengths=(0.5,))
    projection.save(tmp_path / "projection.npz")
    with np.load(tmp_path / "projection.npz") as stored:
        arrays = {name: stored[name] for name in stored.files if name != "lengths"}
    np.savez(tmp_path / "before.npz", **arrays)
    before = Projection.load(tmp_path / "before.npz")
    np.testing.assert_array_equal(before.apply(vectors), projection.apply(vectors))


@pytest.mark.parametrize("lengths", [[], [0.5, 0.5], [np.nan], ["a"], 0.5])
def test_lengths_that_fit_no_heads(tmp_path: Path, lengths: object) -> None:
    projection = fitted(cloud(1000), heads={"colour": recognising("colour")})
    projection.save(tmp_path / "projection.npz")
    with np.load(tmp_path / "projection.npz") as stored:
        arrays = {name: stored[name] for name in stored.files}
    np.savez(tmp_path / "other.npz", **arrays | {"lengths": np.array(lengths)})
    with pytest.raises(ValueError, match="no projection"):
        Projection.load(tmp_path / "other.npz")


def test_only_what_a_garment_is_and_its_colour_are_recognised() -> None:
    heads = {name: recognising(name) for name in ("season", "colour", "clothing", "category", "article_type")}
    assert list(fitted(cloud(1000), heads=heads).heads) == ["article_type", "category", "colour"]
    assert fitted(cloud(1000), heads={"season": recognising("season")}).heads == {}


def test_one_vector_is_projected_as_among_others() -> None:
    vectors = cloud(1000)
    projection = fitted(vectors, heads={"colour": recognising("colour")})
    np.testing.assert_allclose(projection.apply(vectors[:1])[0], projection.apply(vectors)[0], atol=1e-5)


def test_blocks_do_not_matter_but_for_rounding() -> None:
    vectors = cloud(3000)
    whole, parts = fitted(vectors, block=3000), fitted(vectors, block=7)
    np.testing.assert_allclose(whole.apply(vectors[:50]), parts.apply(vectors[:50]), atol=1e-3)


def test_few_vectors_and_many_go_different_ways_to_the_same_projection() -> None:
    """With fewer vectors than inputs the small matrix of inner products stands for the covariance."""
    vectors = cloud(200, inputs=256)
    few = fitted(vectors, max_dimensions=8, min_images=1)
    many = fitted(np.concatenate([vectors, vectors]), max_dimensions=8, min_images=1)
    np.testing.assert_allclose(np.abs(np.sum(unit(few.matrix.T) * unit(many.matrix.T), axis=1)), 1, atol=1e-4)


def test_the_same_vectors_give_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        fitted(cloud(1000), max_dimensions=16).save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("recognised", [(), ("colour", "article_type")])
@pytest.mark.parametrize("count", [20, 1000])
def test_saved_and_loaded_it_does_the_same(tmp_path: Path, count: int, recognised: tuple[str, ...]) -> None:
    heads = {name: recognising(name) for name in recognised}
    projection = fitted(cloud(count), max_dimensions=16, heads=heads)
    projection.save(tmp_path / "projection.npz")
    vectors = cloud(5, seed=1)
    np.testing.assert_array_equal(
        Projection.load(tmp_path / "projection.npz").apply(vectors), projection.apply(vectors)
    )


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 cut", b"\x93NUMPY"])
def test_another_file_is_no_projection(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "projection.npz").write_bytes(data)
    with pytest.raises(ValueError, match="no projection"):
        Projection.load(tmp_path / "projection.npz")


def test_nothing_is_whitened() -> None:
    """Distances are those of the encoder, in fewer dimensions."""
    vectors = cloud(1000)
    projection = fitted(vectors)
    assert projection.matrix is not None
    np.testing.assert_allclose(
        projection.matrix.T @ projection.matrix, np.eye(projection.dimensions), atol=1e-5
    )


def test_the_limits_are_what_the_documentation_says() -> None:
    assert (MAX_DIMENSIONS, MIN_IMAGES) == (256, 512)
