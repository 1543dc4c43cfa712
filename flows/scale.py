"""Embeds photos and builds shards of the index on a Dask cluster, if the settings name one.

Workers read photos and vectors from the data root themselves, and write there what they make: through the
scheduler pass ids, names, counts and hashes. If a worker dies, another one does its task again. If the
cluster cannot be reached, is lost or hangs, this machine does the rest.
"""

from __future__ import annotations

import functools
import logging
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from embedding.encoder import stage
from embedding.encoder.stage import Counts, Device
from embedding.index import candidate_index
from embedding.index import vectors as vectors_file
from embedding.index.candidate_index import Part
from flows.scale_settings import ScaleSettings
from storage.errors import LookalikeError
from storage.generations import SCRATCH
from storage.root import Root
from storage.verification_cache import sha256_of

if TYPE_CHECKING:
    from distributed import Client

_log = logging.getLogger(__name__)

GPU = "GPU"
"""The resource that a worker with a GPU declares: `dask worker --resources GPU=1`. If any worker declares it,
only such workers embed, as many photos at once as they have of it."""

PHOTOS_A_TASK = 1024
"""What is embedded again if a worker dies, against the number of files that the table gets."""

_TASKS_A_WORKER = 3
"""Tasks that are handed out ahead of each worker, so that the scheduler never holds all ids."""

_LOOK_S = 1.0


class ClusterError(LookalikeError):
    """The cluster cannot do the work; the message completes a sentence that begins with the cluster."""


@dataclass
class Cluster:
    """The cluster of the settings.

    :ivar problems: a sentence if this machine had to do its work.
    """

    settings: ScaleSettings
    problems: list[str] = field(default_factory=list)

    def embeds(self, root: Root, weights: str) -> stage.Elsewhere | None:
        """Embeds on the cluster, see `embedding.encoder.stage`; None if there is none.

        :param weights: a name or a file that the workers can read, too.
        """
        if not self.settings.scheduler:
            return None

        def embed(model: str, ids: pa.Array) -> Iterator[Counts]:
            portions = (
                ids.slice(start, PHOTOS_A_TASK).to_pylist() for start in range(0, len(ids), PHOTOS_A_TASK)
            )
            tasks = ((str(root), model, weights, portion) for portion in portions)
            yield from self._results(embed_portion, tasks, prefers_gpu=True)

        return embed

    def builds(self, root: Root) -> candidate_index.Elsewhere | None:
        """Builds shards on the cluster, see `embedding.index.candidate_index`; None if there is none."""
        if not self.settings.scheduler:
            return None

        def build(parts: Sequence[Part]) -> bool:
            with _shared(root, parts[0][2]) as scratch:
                tasks = [(str(root), scratch, name, file.name, *rest) for name, file, _, *rest in parts]
                made = dict(self._results(build_shard, tasks))
                return all(_take(root, scratch, file, made.get(file.name)) for _, file, *_ in parts)

        return build

    def _results(
        self, function: Callable[..., Any], tasks: Iterable[tuple[Any, ...]], *, prefers_gpu: bool = False
    ) -> Iterator[Any]:
        """What a function returns for each task, as they end; ends early if the cluster is lost."""
        try:
            with _connected(self.settings) as client:
                yield from _run(client, function, tasks, self.settings, prefers_gpu=prefers_gpu)
        except Exception as error:
            words = " ".join(str(error).split())
            why = words if isinstance(error, ClusterError) else f"failed ({type(error).__name__}: {words})"
            sentence = f"The Dask cluster at {self.settings.scheduler} {why}, so this machine did its work."
            _log.warning(sentence, exc_info=not isinstance(error, ClusterError))
            self.problems.append(sentence)


def embed_portion(address: str, model: str, weights: str, ids: list[str], device: Device) -> Counts:
    """Embeds photos, on a worker.

    :param address: of the data root.
    :return: how many got a vector, and how many could not be decoded.
    """
    root = Root.open(address)
    encoder, batch = _encoder(address, model, weights, device)
    # A worker that died may have written the vectors, and not said so.
    left = stage.missing_images(root, model, pa.array(ids, pa.string()))
    counts = [*stage.embed_photos(root, model, left, encoder, batch)] if len(left) else []
    return sum(embedded for embedded, _ in counts), sum(refused for _, refused in counts)


@functools.lru_cache(maxsize=1)
def _encoder(address: str, model: str, weights: str, device: Device) -> tuple[Any, int]:
    return stage.open_encoder(Root.open(address), model, weights, device)


def build_shard(
    address: str, scratch: str, name: str, file: str, start: int, stop: int, dimensions: int, trees: int
) -> tuple[str, str]:
    """Builds a shard, on a worker.

    :param address: of the data root.
    :param scratch: its folder with the vectors, which gets the shard.
    :return: the file's name and its sha256.
    """
    root = Root.open(address)
    root.files.tidy()  # a copy of the vectors of an earlier build would stay on this machine for ever
    vectors = root.files.fetch(f"{scratch}/{vectors_file.FILE}")
    # A name of its own: the worker that it was given to before may still be writing.
    unfinished = vectors.with_name(f".{uuid.uuid4().hex}-{file}")
    try:
        candidate_index.build_shard(name, unfinished, vectors, start, stop, dimensions, trees)
        checksum = sha256_of(unfinished)
        root.files.add(f"{scratch}/{file}", unfinished)
    finally:
        unfinished.unlink(missing_ok=True)
    return file, checksum


@contextmanager
def _shared(root: Root, vectors: Path) -> Iterator[str]:
    """A folder of the data root where workers find a file of vectors, and which is removed at the end."""
    scratch = f"{SCRATCH}{uuid.uuid4().hex}"
    copy = vectors.with_name(f".{uuid.uuid4().hex}")
    try:
        os.link(vectors, copy)
    except OSError:
        shutil.copyfile(vectors, copy)
    try:
        root.files.add(f"{scratch}/{vectors_file.FILE}", copy)
        yield scratch
    finally:
        copy.unlink(missing_ok=True)
        root.files.remove(scratch)
        root.files.forget(scratch)


def _take(root: Root, scratch: str, file: Path, checksum: str | None) -> bool:
    """Moves a finished shard to its place; False if it is not there, or not as the worker made it."""
    if checksum is None:
        return False
    made = root.files.fetch(f"{scratch}/{file.name}")
    if not made.is_file() or sha256_of(made) != checksum:
        return False
    made.replace(file)
    return True


@contextmanager
def _connected(settings: ScaleSettings) -> Iterator[Client]:
    """:raises ClusterError: there is no scheduler, or it has no worker."""
    try:
        from distributed import Client
    except ModuleNotFoundError as error:
        raise ClusterError(f"needs the package {error.name} (`pip install 'lookalike[scale]'`)") from None
    try:
        client = Client(settings.scheduler, timeout=settings.wait_s, set_as_default=False)
    except (OSError, TimeoutError):
        raise ClusterError("cannot be reached") from None
    with client:
        try:
            client.wait_for_workers(1, timeout=settings.wait_s)
        except TimeoutError:
            raise ClusterError("has no worker") from None
        yield client


def _run(
    client: Client,
    function: Callable[..., Any],
    tasks: Iterable[tuple[Any, ...]],
    settings: ScaleSettings,
    *,
    prefers_gpu: bool,
) -> Iterator[Any]:
    """:raises ClusterError: the scheduler is lost, no worker is left, or the tasks that are left hang."""
    from distributed import Future, wait

    waiting, pending = iter(tasks), set[Future]()
    seen_at = ended_at = time.monotonic()
    try:
        while True:
            workers = _workers(client, settings.wait_s)
            has_gpu = prefers_gpu and any(GPU in worker["resources"] for worker in workers)
            device: tuple[Device, ...] = ("gpu" if has_gpu else "cpu",) if prefers_gpu else ()
            for task in _ahead(waiting, _TASKS_A_WORKER * max(1, len(workers)) - len(pending)):
                pending.add(
                    client.submit(
                        function, *task, *device, pure=False, resources={GPU: 1} if has_gpu else None
                    )
                )
            if not pending:
                return
            if workers:
                seen_at = time.monotonic()
            elif time.monotonic() - seen_at > settings.wait_s:
                raise ClusterError("has lost its last worker")
            try:
                with client.as_current():
                    done, pending = wait(pending, timeout=_LOOK_S, return_when="FIRST_COMPLETED")
            except TimeoutError:
                if time.monotonic() - ended_at > settings.task_s:
                    raise ClusterError(f"has not ended a task for {settings.task_s:g} seconds") from None
                continue
            for future in done:
                if future.status in ("cancelled", "lost"):
                    raise ClusterError("was lost")
                yield future.result()
            ended_at = time.monotonic()  # not before: whoever takes the results may be slow, too
    finally:
        client.cancel(list(pending), force=True)


def _workers(client: Client, wait_s: float) -> list[dict[str, Any]]:
    """What the scheduler knows of each worker.

    :raises ClusterError: the scheduler is lost, or hangs.
    """
    if client.status != "running":
        raise ClusterError("was lost")
    try:
        # Not `scheduler_info`, which waits for ever if the scheduler's process is alive and hangs.
        known = client.sync(client.scheduler.identity, n_workers=-1, callback_timeout=wait_s)
    except TimeoutError:
        raise ClusterError("does not answer") from None
    except OSError:
        raise ClusterError("was lost") from None
    return list(known["workers"].values())


def _ahead(tasks: Iterator[tuple[Any, ...]], count: int) -> Iterator[tuple[Any, ...]]:
    for _ in range(count):
        task = next(tasks, None)
        if task is None:
            return
        yield task
