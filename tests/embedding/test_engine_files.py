"""Files of the engines that somebody else may have written: none crashes a search, or makes it endless."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from embedding.index import candidate_index
from storage.manifest import GenerationError


def child_out_of_range(nodes: np.ndarray, inner: np.ndarray) -> None:
    nodes[inner[0], 1] = 2**30


def child_below_zero(nodes: np.ndarray, inner: np.ndarray) -> None:
    nodes[inner[0], 2] = -1


def circle(nodes: np.ndarray, inner: np.ndarray) -> None:
    nodes[inner[3], 1] = inner[3]


def circle_of_two(nodes: np.ndarray, inner: np.ndarray) -> None:
    nodes[inner[0], 1], nodes[inner[1], 1] = inner[1], inner[0]


def doubled_at_every_level(nodes: np.ndarray, inner: np.ndarray) -> None:
    """Two to the power of its height: a search visits each path."""
    nodes[inner[1:-20], 1] = nodes[inner[1:-20], 2] = inner[:-21]


def roots_below_roots(nodes: np.ndarray, inner: np.ndarray) -> None:
    roots = np.arange(len(nodes) - 16, len(nodes))
    nodes[roots[1:], 1] = nodes[roots[1:], 2] = roots[:-1]


@pytest.mark.parametrize(
    "change",
    [
        *(child_out_of_range, child_below_zero, circle, circle_of_two),
        *(doubled_at_every_level, roots_below_roots),
    ],
)
def test_trees_that_are_none_are_a_sentence(
    tmp_path: Path, change: Callable[[np.ndarray, np.ndarray], None]
) -> None:
    rows, dimensions = 700, 16
    vectors = np.random.default_rng(0).standard_normal((rows, dimensions)).astype(np.float16)
    np.save(tmp_path / "vectors.npy", vectors)
    candidate_index.build(tmp_path / "vectors.npy", dimensions=dimensions, trees=16)
    candidate_index.CandidateIndex.load(tmp_path, rows, dimensions)
    nodes = np.fromfile(tmp_path / "vectors.ann", "<i4").reshape(-1, 3 + dimensions)
    change(nodes, np.flatnonzero(nodes[:, 0] > dimensions + 2))
    nodes.tofile(tmp_path / "vectors.ann")
    with pytest.raises(GenerationError, match=r"vectors\.ann cannot be read"):
        candidate_index.CandidateIndex.load(tmp_path, rows, dimensions)


def test_every_forest_that_is_built_passes(tmp_path: Path) -> None:
    for rows, dimensions in ((1, 16), (3, 16), (50, 4), (700, 16)):
        vectors = np.random.default_rng(rows).standard_normal((rows, dimensions)).astype(np.float16)
        folder = tmp_path / f"{rows}"
        folder.mkdir()
        np.save(folder / "vectors.npy", vectors)
        for name in ("annoy", "usearch"):
            candidate_index.build(folder / "vectors.npy", dimensions=dimensions, trees=16, name=name)
            candidate_index.CandidateIndex.load(folder, rows, dimensions, name=name)


def test_links_that_would_crash_usearch_are_a_sentence(tmp_path: Path) -> None:
    vectors = np.random.default_rng(1).standard_normal((300, 16)).astype(np.float16)
    np.save(tmp_path / "vectors.npy", vectors)
    candidate_index.build(tmp_path / "vectors.npy", dimensions=16, trees=16, name="usearch")
    file = tmp_path / "vectors.usearch"
    whole = np.frombuffer(file.read_bytes(), np.uint8)
    graph = 8 + 300 * 32 + 64 + 40
    for at in (4, 8 + 300 * 32 + 64, graph, graph + 600 + 8, graph + 600 + 10, graph + 600 + 14):
        changed = whole.copy()
        changed[at : at + 4] = 255
        file.write_bytes(changed.tobytes())
        with pytest.raises(GenerationError, match="cannot be read"):
            candidate_index.CandidateIndex.load(tmp_path, 300, 16, name="usearch")
