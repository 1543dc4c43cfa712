"""Builds a generation from the tables: collect, project, index, measure, verify, publish."""

from __future__ import annotations

import errno
import hashlib
import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from threadpoolctl import threadpool_limits

from embedding.bands import CutOffs
from embedding.encoder.heads import Head, fingerprint, load_cut_offs, load_heads
from embedding.index import (
    collect,
    engines,
    items,
    missing_thumbnails,
    product_groups,
    publish_guard,
    tune,
    vectors,
)
from embedding.index.embedding_matrix import BLOCK_ROWS, EmbeddingMatrix, embedded_ids
from embedding.index.projection import Projection, compared_heads, fit
from embedding.index.search import PROJECTION_FILE
from embedding.index.tune import SHARD_ROWS
from storage import encoders, generations, manifest, tables, thumbnails
from storage.encoders import EncoderSpec
from storage.errors import LookalikeError
from storage.manifest import Counts, EncoderFacts, GenerationError, Manifest
from storage.root import Root

_log = logging.getLogger(__name__)

BUILD = 4
"""Build format version: bump it to force a rebuild."""

Progress = Callable[[int, int | None], None]

_READ = ("products", "images", "embeddings", "crawls")
_EMBEDDINGS_FILE = "vectors.raw"
_STEPS_A_PHOTO = 4


@dataclass(frozen=True)
class BuildOutcome:
    """What a build did.

    :ivar generation: the published generation's name; None where nothing had changed and the one before
        stays.
    :ivar items: rows of the published generation, one a photo of a product.
    :ivar recall: at 5, measured.
    """

    generation: str | None
    items: int
    products: int
    dimensions: int
    recall: float
    seconds: float


@dataclass(frozen=True)
class _Wanted:
    """A build's parameters, see `build_index`."""

    recall_goal: float
    max_loss: float
    shard_rows: int
    engine: str
    withheld: tuple[str, ...]


def build_index(
    root: Root,
    model: str,
    *,
    recall_goal: float = 0.99,
    max_loss: float = 0.3,
    shard_rows: int = SHARD_ROWS,
    engine: str = "annoy",
    withheld: Collection[str] = (),
    on_progress: Progress | None = None,
) -> BuildOutcome:
    """Builds a generation of one encoder's vectors beside the published one, verifies and publishes it.

    Where neither the catalogue nor the encoder nor the goal changed, the published generation stays.

    :param model: the encoder's name, see `storage.encoders`.
    :param recall_goal: what the lower end of the 95 % interval of recall at 5 has to reach, in (0, 1].
    :param max_loss: share of the published generation's products that may be missing, in [0, 1].
    :param shard_rows: most rows of a file of the engine's; more are split into several, built side by side.
    :param engine: what finds candidates, see `embedding.index.engines`.
    :param withheld: stores whose products are not to be published; they do not count as lost.
    :param on_progress: called with the steps done and all there are: a step is a vector read, a photo that
        has its thumbnail, a vector the projection was learnt from, or a vector projected.
    :raises BusyError: another process builds.
    :raises RecallError: the goal was not reached.
    :raises LossError: too many products would be lost.
    :raises InputError: the engine is not installed.
    :raises LookalikeError: there is nothing to build from, or the disk is full.
    """
    engines.engine(engine)  # a package that is missing is said before an hour's work
    started = time.monotonic()
    try:
        # BLAS by one thread: eigenvectors come out otherwise by two, and where other programs run, its
        # threads wait for each other (2048 dimensions on two busy processors: 5 s by one, 94 s by two).
        with root.lock(generations.LOCK), threadpool_limits(1, "blas"):
            spec = encoders.load_spec(encoders.folder(root, model))
            wanted = _Wanted(recall_goal, max_loss, shard_rows, engine, tuple(sorted(withheld)))
            name, published = _build(root, spec, wanted, on_progress or (lambda done, total: None), started)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise LookalikeError(
            f"The index does not fit in {root} ({error.strerror}). The published one stays; "
            "free some space and try again."
        ) from None
    return BuildOutcome(
        generation=name,
        items=published.counts.items,
        products=published.counts.products,
        dimensions=published.search.dimensions,
        recall=published.recall.at_5,
        seconds=round(time.monotonic() - started, 3),
    )


def _build(
    root: Root, spec: EncoderSpec, wanted: _Wanted, on_progress: Progress, started: float
) -> tuple[str | None, Manifest]:
    versions = tables.versions(root)
    ids = embedded_ids(root, spec.model)
    rows = _require_rows(collect.collect(root, ids, wanted.withheld), root, wanted)
    heads, cut_offs = compared_heads(load_heads(root, spec.model)), load_cut_offs(root, spec.model)
    content = _content_hash(rows, spec, heads, cut_offs, wanted)
    if (published := _unchanged(root, content)) is not None:
        return None, published
    ids = pc.unique(rows["image_id"].combine_chunks())  # sorted, as the rows are
    steps = _Steps(_STEPS_A_PHOTO * len(ids), on_progress)
    with generations.begin(root) as folder:
        embeddings = EmbeddingMatrix(
            root, spec.model, ids, spec.dim, folder / _EMBEDDINGS_FILE, steps.advance
        )
        rows = rows.filter(pc.is_in(rows["image_id"], value_set=ids.filter(pa.array(embeddings.usable))))
        ids = pc.unique(rows["image_id"].combine_chunks())
        rows = items.with_thumbnails(rows, missing_thumbnails.make_missing(root, ids, steps.advance))
        rows = _require_rows(items.renumbered(rows), root, wanted)
        counts = _counts(rows)
        publish_guard.check(root, counts, wanted.max_loss, wanted.withheld)
        projection = _write(root, folder, rows, embeddings, heads, cut_offs, steps)
        searching, measured = tune.build_tuned(
            folder / vectors.FILE,
            items.read(folder / items.FILE),
            projection,
            wanted.recall_goal,
            wanted.shard_rows,
            wanted.engine,
        )
        finished = Manifest(
            encoder=EncoderFacts.model_validate(spec.model_dump(exclude={"schema_version"})),
            counts=counts,
            search=searching,
            recall=measured,
            content=content,
            tables={name: versions[name] for name in _READ if name in versions},
            files=generations.describe_files(folder),
            thumbnails=thumbnails.sizes(root, pc.unique(rows["thumbnail_shard"]).to_pylist()),
            built_at=datetime.now(UTC),
            build_seconds=round(time.monotonic() - started, 3),
        )
        manifest.write(folder, finished)
        steps.finish()
        return generations.publish(root, folder), finished


def _require_rows(rows: pa.Table, root: Root, wanted: _Wanted) -> pa.Table:
    if rows.num_rows:
        return rows
    if wanted.withheld:
        raise LookalikeError(
            f"Nothing would be left in the index without the products of {', '.join(wanted.withheld)}, whose "
            "stores are stale or no longer in the settings; what is published stays. Crawl a store of the "
            "settings completely, or raise `serve_for` under [crawl]."
        )
    raise LookalikeError(
        f"{root} holds no product with an embedded photo, so there is nothing to index. "
        "Run `lookalike crawl` and `lookalike embed` first."
    )


def _content_hash(
    rows: pa.Table, spec: EncoderSpec, heads: Mapping[str, Head], cut_offs: CutOffs | None, wanted: _Wanted
) -> str:
    """sha256 of everything that determines a generation's content."""
    made_of = (items.digest(rows), spec.model, spec.fingerprint, fingerprint(heads))
    of_encoder = made_of if cut_offs is None else (*made_of, cut_offs)
    parts = (BUILD, *of_encoder, wanted.recall_goal, wanted.shard_rows, wanted.engine)
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()


def _unchanged(root: Root, content: str) -> Manifest | None:
    """The published generation's manifest, if it has this content and is undamaged."""
    try:
        folder = generations.current(root)
        if folder is None or manifest.read(folder).content != content:
            return None
        _, facts = generations.open_current(root)
        thumbnails.verify(root, facts.thumbnails, root.verified)
    except GenerationError as damage:
        _log.warning("A new index is built since the published one is damaged: %s", damage)
        return None
    return facts


def _write(
    root: Root,
    folder: Path,
    rows: pa.Table,
    embeddings: EmbeddingMatrix,
    heads: Mapping[str, Head],
    cut_offs: CutOffs | None,
    steps: _Steps,
) -> Projection:
    """Writes projection, vectors and items, and removes the file of embeddings."""
    projection = fit(
        lambda: steps.counted(embeddings.blocks()),
        embeddings.vectors.shape[1],
        heads=heads,
        cut_offs=cut_offs,
    )
    projection.save(folder / PROJECTION_FILE)
    places = pc.index_in(rows["image_id"], value_set=embeddings.ids).to_numpy()

    def projected() -> Iterator[np.ndarray]:
        for start in range(0, len(places), BLOCK_ROWS):
            yield projection.apply(embeddings.vectors[places[start : start + BLOCK_ROWS]])

    vectors.write_projected(
        folder / vectors.FILE, steps.counted(projected()), len(places), projection.dimensions
    )
    del embeddings.vectors
    (folder / _EMBEDDINGS_FILE).unlink()
    stored = np.load(folder / vectors.FILE, mmap_mode="r")
    items.write(product_groups.with_product_groups(root, rows, stored), folder / items.FILE)
    return projection


def _counts(rows: pa.Table) -> Counts:
    distinct = rows.group_by(["store", "product"], use_threads=False).aggregate([])
    stores = pc.value_counts(distinct["store"]).to_pylist()
    return Counts(
        items=rows.num_rows,
        images=pc.count_distinct(rows["image_id"]).as_py(),
        products=distinct.num_rows,
        stores={store["values"]: store["counts"] for store in sorted(stores, key=lambda one: one["values"])},
        currencies=sorted(pc.unique(rows["currency"].drop_null()).to_pylist()),
    )


class _Steps:
    """Counts steps for `on_progress`."""

    def __init__(self, total: int, on_progress: Progress) -> None:
        self._done, self._total, self._on_progress = 0, total, on_progress
        on_progress(0, total)

    def advance(self, steps: int) -> None:
        self._done = min(self._done + steps, self._total)
        self._on_progress(self._done, self._total)

    def counted(self, blocks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        """Blocks as they come, each counted once it was worked on."""
        for block in blocks:
            yield block
            self.advance(len(block))

    def finish(self) -> None:
        """Photos that were left out count as done."""
        self.advance(self._total)
