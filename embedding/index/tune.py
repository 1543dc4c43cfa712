"""Tunes the candidate index: how large it is, and how much a search inspects, for the recall goal."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pyarrow as pa

from embedding.index import candidate_index, recall
from embedding.index.engines import engine
from embedding.index.projection import Projection
from embedding.index.recall import Sample
from embedding.index.search import Index
from storage.errors import LookalikeError
from storage.manifest import Recall, Search

SHARD_ROWS = 500_000
"""Most rows of a shard."""


class RecallError(LookalikeError):
    """A build that finds too few of the true neighbours; the published generation stays."""


def build_tuned(
    vectors: Path,
    table: pa.Table,
    projection: Projection,
    goal: float,
    shard_rows: int = SHARD_ROWS,
    name: str = "annoy",
) -> tuple[Search, Recall]:
    """Builds a generation's candidate index beside its vectors, tuned to the recall goal.

    Every choice is made by counting what is found and what is inspected, never by time: equal vectors give
    equal files.

    :param vectors: float16 [n, dimensions], see `embedding.index.vectors.write_projected`.
    :param table: the generation's rows.
    :param goal: what the lower end of the 95 % interval of recall at 5 has to reach, in (0, 1].
    :param shard_rows: most rows of a shard.
    :param name: of the engine, see `embedding.index.engines`.
    :return: how it was built and has to be searched, and the recall that gives.
    :raises RecallError: below the goal, or items do not find themselves.
    """
    stored = np.load(vectors, mmap_mode="r")
    rows, dimensions = stored.shape
    index = Index(table, stored, None, projection, search_k=rows)
    sample = recall.draw_sample(index)
    few = recall.leading_dimensions(index, sample, goal)
    shards = math.ceil(rows / shard_rows)
    chosen = engine(name)
    for trees in chosen.sizes:
        candidate_index.remove(vectors.parent)
        candidate_index.build(vectors, dimensions=few, trees=trees, shards=shards, name=name)
        candidates = candidate_index.CandidateIndex.load(vectors.parent, rows, few, shards, name)
        index = Index(table, stored, candidates, projection, search_k=rows)
        most = None if trees == chosen.sizes[-1] else chosen.enough
        search_k, measured = recall.tune(index, goal, sample, most)
        if measured.lower_bound >= goal:
            break
    if measured.lower_bound < goal:
        raise RecallError(
            f"The new index finds {measured.at_5:.2%} of the true neighbours (95 % confidence: at least "
            f"{measured.lower_bound:.2%}), below the goal of {goal:.2%}; the old one stays. Lower the goal."
        )
    enough, filtered = _under_filters(index, search_k, goal)
    if enough > search_k:
        search_k, measured = enough, recall.measure(index, sample, enough, goal)
    if unfound := recall.count_unfound(index, sample, search_k):
        raise RecallError(
            f"{unfound} of {len(sample.rows)} items do not find themselves in the new index. The published "
            "one stays. Run `lookalike index` again."
        )
    searching = Search(
        dimensions=dimensions,
        trees=trees,
        seed=candidate_index.SEED,
        search_k=search_k,
        ann_dimensions=few,
        shards=shards,
        engine=name,
    )
    return searching, measured.model_copy(update={"filtered": filtered})


def tune_grown(
    vectors: Path, table: pa.Table, projection: Projection, goal: float, searching: Search
) -> tuple[Search, Recall] | None:
    """Measures the recall of an index that has grown, and inspects more where it is below the goal.

    Queries from what was added have to reach the goal, too: among all queries they are few.

    :param vectors: beside which the index lies, see `build_tuned`.
    :param searching: how it was built, and how the one before is searched.
    :return: how it has to be searched, and the recall that gives; None where it needs to be built again:
        it misses the goal, or a search would have to inspect too much to reach it.
    """
    stored = np.load(vectors, mmap_mode="r")
    candidates = candidate_index.CandidateIndex.load(
        vectors.parent,
        len(stored),
        searching.ann_dimensions or searching.dimensions,
        *(searching.shards, searching.engine),
        entries=searching.entries,
        added=searching.added,
    )
    index = Index(table, stored, candidates, projection, search_k=len(stored))
    most = max(engine(searching.engine).enough, 2 * searching.search_k)
    sample, search_k = recall.draw_sample(index), searching.search_k
    measured = recall.measure(index, sample, search_k, goal)
    while measured.lower_bound < goal and search_k < most:
        search_k = search_k * 3 // 2
        measured = recall.measure(index, sample, search_k, goal)
    enough, filtered = _under_filters(index, search_k, goal)
    of_added = None
    if searching.added:
        added = candidates.rows_of_added()
        enough, of_added = _reaching(
            index, recall.draw_sample(index, recall.FEWER, among=added), enough, goal
        )
    if enough > most:
        return None
    if enough > search_k:
        search_k, measured = enough, recall.measure(index, sample, enough, goal)
    if measured.lower_bound < goal or recall.count_unfound(index, sample.fewer(), search_k):
        return None
    facts = {"filtered": filtered, "added": of_added}
    return searching.model_copy(update={"search_k": search_k}), measured.model_copy(update=facts)


def _under_filters(index: Index, search_k: int, goal: float) -> tuple[int, dict[str, float]]:
    """The `search_k` that reaches the goal under filters too, and the mean recall under each."""
    measured = {}
    for share, mask in recall.draw_filters(index):
        if index.compares_all(search_k, mask):  # and misses none: drawing queries takes as long as all else
            measured[f"{share:g}"] = 1.0
            continue
        sample = recall.draw_sample(index, recall.FEWER, mask)
        search_k, measured[f"{share:g}"] = _reaching(index, sample, search_k, goal)
    return search_k, measured


def _reaching(index: Index, sample: Sample, search_k: int, goal: float) -> tuple[int, float]:
    """The least `search_k` from this on whose mean recall reaches the goal, and that recall."""
    while True:
        found = recall.measure(index, sample, search_k, goal)
        if found.at_5 >= goal or search_k >= len(index.products):
            return search_k, found.at_5
        search_k = search_k * 3 // 2
