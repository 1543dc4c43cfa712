"""Builds a generation from the tables: collect, project, index, measure, verify, publish.

It grows from the published one where it can (`embedding.index.growth`), else it is built whole.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import time
from collections.abc import Collection, Iterator, Mapping
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
    growth,
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
from embedding.index.steps import Progress, Steps
from embedding.index.tune import SHARD_ROWS
from storage import encoders, generations, manifest, tables, thumbnails
from storage.encoders import EncoderSpec
from storage.errors import LookalikeError
from storage.manifest import Counts, EncoderFacts, GenerationError, Manifest, Origin, Recall, Search
from storage.root import Root

_log = logging.getLogger(__name__)

BUILD = 5
"""Build format version: bump it to force a rebuild."""

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
    :ivar grown: whether it grew from the generation before.
    :ivar notes: what the operator should know: a sentence each.
    """

    generation: str | None
    items: int
    products: int
    dimensions: int
    recall: float
    seconds: float
    grown: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Wanted:
    """A build's parameters, see `build_index`."""

    recall_goal: float
    max_loss: float
    shard_rows: int
    engine: str
    withheld: tuple[str, ...]
    full: bool


@dataclass(frozen=True)
class _Encoder:
    """What of the encoder a build reads.

    :ivar heads: those whose predictions are compared.
    """

    spec: EncoderSpec
    heads: Mapping[str, Head]
    cut_offs: CutOffs | None


@dataclass(frozen=True)
class _Written:
    """The files of a generation are written, all but the manifest."""

    counts: Counts
    search: Search
    recall: Recall
    origin: Origin
    thumbnails: list[str]


def build_index(
    root: Root,
    model: str,
    *,
    recall_goal: float = 0.99,
    max_loss: float = 0.3,
    shard_rows: int = SHARD_ROWS,
    engine: str = "annoy",
    withheld: Collection[str] = (),
    full: bool = False,
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
    :param full: whether everything is built, even if nothing or little has changed.
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
            wanted = _Wanted(recall_goal, max_loss, shard_rows, engine, tuple(sorted(withheld)), full)
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
        grown=published.search.entries is not None,
    )


def _build(
    root: Root, spec: EncoderSpec, wanted: _Wanted, on_progress: Progress, started: float
) -> tuple[str | None, Manifest]:
    versions = tables.versions(root)
    rows = collect.collect(root, embedded_ids(root, spec.model), wanted.withheld)
    rows = _require_rows(rows, root, wanted)
    heads, cut_offs = compared_heads(load_heads(root, spec.model)), load_cut_offs(root, spec.model)
    encoder = _Encoder(spec, heads, cut_offs)
    basis = _basis(encoder, wanted)
    content = _hash(items.digest(rows), basis)
    published = None if wanted.full else _published(root, content, basis)
    if published is not None and published.manifest.content == content:
        return None, published.manifest
    before = published and growth.load(published.folder, published.manifest, basis)
    photos = pc.count_distinct(rows["image_id"]).as_py()
    with generations.begin(root) as folder:
        steps = Steps(_STEPS_A_PHOTO * photos, on_progress)
        written = before and _grow(root, folder, rows, encoder, wanted, before, steps)
        if not written:
            for file in folder.iterdir():
                file.unlink()
            steps = Steps(_STEPS_A_PHOTO * photos, on_progress)
            written = _build_whole(root, folder, rows, encoder, wanted, basis, steps)
        finished = Manifest(
            encoder=EncoderFacts.model_validate(spec.model_dump(exclude={"schema_version"})),
            counts=written.counts,
            search=written.search,
            recall=written.recall,
            content=content,
            origin=written.origin,
            tables={name: versions[name] for name in _READ if name in versions},
            files=generations.describe_files(folder),
            thumbnails=thumbnails.sizes(root, written.thumbnails),
            built_at=datetime.now(UTC),
            build_seconds=round(time.monotonic() - started, 3),
        )
        manifest.write(folder, finished)
        steps.finish()
        return generations.publish(root, folder), finished


def _build_whole(
    root: Root,
    folder: Path,
    rows: pa.Table,
    encoder: _Encoder,
    wanted: _Wanted,
    basis: str,
    steps: Steps,
) -> _Written:
    ids = pc.unique(rows["image_id"].combine_chunks())  # sorted, as the rows are
    embeddings = EmbeddingMatrix(
        root, encoder.spec.model, ids, encoder.spec.dim, folder / _EMBEDDINGS_FILE, steps.advance
    )
    rows, counts = _shown(root, rows, ids.filter(pa.array(embeddings.usable)), wanted, steps)
    projection = _write(root, folder, rows, embeddings, encoder, steps)
    searching, measured = tune.build_tuned(
        folder / vectors.FILE,
        items.read(folder / items.FILE),
        projection,
        wanted.recall_goal,
        wanted.shard_rows,
        wanted.engine,
    )
    shards = pc.unique(rows["thumbnail_shard"]).to_pylist()
    return _Written(counts, searching, measured, Origin(basis=basis), shards)


def _grow(
    root: Root,
    folder: Path,
    rows: pa.Table,
    encoder: _Encoder,
    wanted: _Wanted,
    before: growth.Before,
    steps: Steps,
) -> _Written | None:
    """None where so much has changed, or searches find so much less, that everything has to be built."""
    ids = pc.unique(rows["image_id"].combine_chunks())
    new = before.unknown(ids)
    if len(new) > growth.MOST_ADDED * len(ids):
        return None
    steps.advance(len(ids) - len(new))
    file = folder / _EMBEDDINGS_FILE
    embeddings = EmbeddingMatrix(root, encoder.spec.model, new, encoder.spec.dim, file, steps.advance)
    if (origin := growth.origin_after(before, embeddings)) is None:
        _log.info("The index is built whole: the photos that were added are unlike those before.")
        return None
    usable = ids.filter(pc.invert(pc.is_in(ids, value_set=new.filter(pa.array(~embeddings.usable)))))
    rows, counts = _shown(root, rows, usable, wanted, steps)
    if (entries := growth.entries_after(before, rows, wanted.shard_rows)) is None:
        _log.info("The index is built whole: too much has changed since it was last.")
        return None
    growth.link(before.folder / PROJECTION_FILE, folder / PROJECTION_FILE)
    growth.write_vectors(before, rows, embeddings, folder)
    file.unlink()
    rows = _write_items(root, folder, rows)
    searching = growth.write_shards(before, entries, folder)
    shards = pc.unique(rows["thumbnail_shard"]).to_pylist()
    if growth.searches_alike(before, rows, entries):
        return _Written(counts, searching, before.manifest.recall, origin, shards)
    table = items.read(folder / items.FILE)
    tuned = tune.tune_grown(folder / vectors.FILE, table, before.projection, wanted.recall_goal, searching)
    if tuned is None:
        _log.info("The index is built whole: it would find too few of the true neighbours.")
        return None
    return _Written(counts, *tuned, origin, shards)


def _shown(
    root: Root, rows: pa.Table, usable: pa.Array, wanted: _Wanted, steps: Steps
) -> tuple[pa.Table, Counts]:
    """The rows of photos that have a sound vector and a thumbnail, checked against what is published."""
    rows = rows.filter(pc.is_in(rows["image_id"], value_set=usable))
    shown = pc.unique(rows["image_id"].combine_chunks())
    rows = items.with_thumbnails(rows, missing_thumbnails.make_missing(root, shown, steps.advance))
    rows = _require_rows(items.renumbered(rows), root, wanted)
    counts = _counts(rows)
    publish_guard.check(root, counts, wanted.max_loss, wanted.withheld)
    return rows, counts


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


def _basis(encoder: _Encoder, wanted: _Wanted) -> str:
    """sha256 of everything but the rows that determines a generation's content."""
    spec, cut_offs = encoder.spec, encoder.cut_offs
    made_of = (BUILD, spec.model, spec.fingerprint, fingerprint(encoder.heads))
    of_encoder = made_of if cut_offs is None else (*made_of, cut_offs)
    return _hash(*of_encoder, wanted.recall_goal, wanted.shard_rows, wanted.engine)


def _hash(*parts: object) -> str:
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()


@dataclass(frozen=True)
class _Published:
    folder: Path
    manifest: Manifest


def _published(root: Root, content: str, basis: str) -> _Published | None:
    """The published generation, if it has this content or another can grow from it, and is undamaged."""
    try:
        folder = generations.current(root)
        if folder is None:
            return None
        facts = manifest.read(folder)
        if facts.content != content and (facts.origin is None or facts.origin.basis != basis):
            return None
        folder, facts = generations.open_current(root)
        thumbnails.verify(root, facts.thumbnails, root.verified)
    except GenerationError as damage:
        _log.warning("A new index is built since the published one is damaged: %s", damage)
        return None
    return _Published(folder, facts)


def _write(
    root: Root,
    folder: Path,
    rows: pa.Table,
    embeddings: EmbeddingMatrix,
    encoder: _Encoder,
    steps: Steps,
) -> Projection:
    """Writes projection, vectors and items, and removes the file of embeddings."""
    projection = fit(
        lambda: steps.counted(embeddings.blocks()),
        embeddings.vectors.shape[1],
        heads=encoder.heads,
        cut_offs=encoder.cut_offs,
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
    _write_items(root, folder, rows)
    return projection


def _write_items(root: Root, folder: Path, rows: pa.Table) -> pa.Table:
    """Writes the rows of a generation whose vectors are written; returns them with their product groups."""
    stored = np.load(folder / vectors.FILE, mmap_mode="r")
    rows = product_groups.with_product_groups(root, rows, stored)
    items.write(rows, folder / items.FILE)
    return rows


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
