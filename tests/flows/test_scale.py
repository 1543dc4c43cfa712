"""Embedding and shards of the index on a Dask cluster of two worker processes."""

from __future__ import annotations

import logging
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from distributed import Client, LocalCluster

from embedding.encoder.stage import EmbedOutcome
from flows import scale
from flows.config import Config
from flows.night import embed_images, index_and_publish, run_nightly
from flows.scale import Cluster, build_shard
from flows.scale_settings import ScaleSettings
from lookalike.demo.catalogue import catalogue
from lookalike.demo.storefront import serve
from scrapers.config.store import Store
from storage import encoders, generations, tables
from storage.root import Root
from tests import catalogues
from tests.bucket_server import BUCKET, bucket_server, settings
from tests.flows.photos_to_embed import WEIGHTS, config, photos

pytestmark = pytest.mark.slow  # workers are processes that import everything: 10 s of CPU each

PHOTOS, FEW = 10_000, 2_000


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """Two worker processes; one that is killed is started again."""
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", silence_logs=logging.ERROR
    ) as running:
        yield running


def alone(folder: Path, count: int) -> Root:
    """Photos and products that this machine has embedded on its own."""
    root = Root.open(folder / "data", create=True)
    catalogues.write_encoder(root, weights=WEIGHTS)
    catalogues.write_photos(root, photos(count))
    ids = tables.read(root, "images", columns=["image_id"])["image_id"].to_pylist()
    tables.merge(root, "products", [catalogues.product("a.example", one[:16], [one]) for one in sorted(ids)])
    assert embed_images(root, config(root)).embedded == count * 99 // 100
    return root


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Root:
    return alone(tmp_path_factory.mktemp("alone"), FEW)


@pytest.fixture
def small_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale, "PHOTOS_A_TASK", 128)


def fresh(embedded: Root, folder: Path) -> Root:
    """A copy of a root without its embeddings."""
    shutil.copytree(embedded.path, folder / "data", ignore=shutil.ignore_patterns("embeddings", "rejects"))
    return Root.open(folder / "data")


def vectors(root: Root) -> tuple[list[str], np.ndarray]:
    rows = tables.read(root, "embeddings").sort_by("image_id")
    flat = rows["vector"].combine_chunks().flatten().to_numpy()
    return rows["image_id"].to_pylist(), flat.reshape(rows.num_rows, -1)


def refused(root: Root) -> list[tuple[str, str]]:
    rows = tables.read(root, "rejects").sort_by("url").to_pylist()
    return [(row["url"], row["reason"]) for row in rows]


def test_two_workers_give_the_same_vectors_as_one_machine(cluster, tmp_path) -> None:
    embedded = alone(tmp_path / "alone", PHOTOS)
    root = fresh(embedded, tmp_path)
    done = embed_images(root, config(root, cluster.scheduler_address))
    assert (done.embedded, done.rejected) == (PHOTOS * 99 // 100, PHOTOS // 100)
    assert done.notes == ()
    ids, found = vectors(root)
    expected_ids, expected = vectors(embedded)
    assert ids == expected_ids
    assert len(set(ids)) == len(ids)
    np.testing.assert_array_equal(found, expected)
    assert refused(root) == refused(embedded)


def test_neither_photos_nor_vectors_pass_the_scheduler(
    embedded, cluster, tmp_path, monkeypatch, small_tasks
) -> None:
    root = fresh(embedded, tmp_path)
    sizes: list[tuple[int, int]] = []
    submit = Client.submit

    def measured(self: Client, function: Any, *task: Any, **options: Any) -> Any:
        future = submit(self, function, *task, **options)
        future.add_done_callback(
            lambda done: sizes.append((len(pickle.dumps(task)), len(pickle.dumps(done.result()))))
        )
        return future

    monkeypatch.setattr(Client, "submit", measured)
    done = embed_images(root, config(root, cluster.scheduler_address))
    built = index_and_publish(root, sharded(root, cluster.scheduler_address), done.model)
    assert built.notes == ()
    until = time.monotonic() + 10
    while len(sizes) < FEW / scale.PHOTOS_A_TASK + 2 and time.monotonic() < until:
        time.sleep(0.05)
    assert len(sizes) >= FEW / scale.PHOTOS_A_TASK + 2
    tasks, results = zip(*sizes, strict=True)
    assert max(tasks) < scale.PHOTOS_A_TASK * 80  # ids of 64 characters
    assert max(results) < 300


def sharded(root: Root, scheduler: str = "") -> Config:
    return config(root, scheduler, index={"shard_rows": 1000, "recall_goal": 0.5})


def test_shards_are_built_by_workers_and_are_the_same(embedded, cluster, tmp_path, monkeypatch) -> None:
    here, there = fresh(embedded, tmp_path / "a"), fresh(embedded, tmp_path / "b")
    for root in (here, there):
        for table in ("embeddings", "rejects"):
            shutil.copytree(embedded.table_path(table), root.table_path(table))
    index_and_publish(here, sharded(here), catalogues.MODEL)
    taken: list[bool] = []
    take = scale._take
    monkeypatch.setattr(scale, "_take", lambda *args: taken.append(take(*args)) or taken[-1])
    index_and_publish(there, sharded(there, cluster.scheduler_address), catalogues.MODEL)
    assert len(taken) >= 2
    assert all(taken)
    shards = {
        root: {file.name: file.read_bytes() for file in generations.current(root).glob("vectors*")}
        for root in (here, there)
    }
    assert len(shards[here]) > 2
    assert shards[here] == shards[there]
    assert [file.name for file in there.index.glob("*shards-*")] == []


def kill_one(cluster: LocalCluster) -> None:
    os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)


def test_a_worker_that_is_killed_loses_nothing(embedded, cluster, tmp_path, small_tasks) -> None:
    root = fresh(embedded, tmp_path)
    killed = []

    def kill_after_the_first(stage: str, done: int, total: int | None) -> None:
        if done and not killed:
            killed.append(True)
            kill_one(cluster)

    done = embed_images(root, config(root, cluster.scheduler_address), kill_after_the_first)
    assert killed
    assert done.notes == ()
    ids, found = vectors(root)
    expected_ids, expected = vectors(embedded)
    assert ids == expected_ids
    np.testing.assert_array_equal(found, expected)
    assert refused(root) == refused(embedded)


def test_a_cluster_that_is_lost_in_the_middle_is_a_sentence(embedded, tmp_path, small_tasks) -> None:
    root = fresh(embedded, tmp_path)
    closing = threading.Event()
    with LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=":0", silence_logs=logging.CRITICAL
    ) as own:

        def close(stage: str, done: int, total: int | None) -> None:
            if done and not closing.is_set():
                closing.set()
                own.close()

        done = embed_images(root, config(root, own.scheduler_address), close)
    assert closing.is_set()
    [sentence] = done.notes
    assert sentence.startswith(f"The Dask cluster at {own.scheduler_address} ")
    assert sentence.endswith(", so this machine did its work.")
    assert done.total == FEW * 99 // 100
    assert vectors(root)[0] == vectors(embedded)[0]


@contextmanager
def stopped(pids: list[int]) -> Iterator[None]:
    """Processes that are alive and do nothing, as one does whose disk does not answer."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def embed_until_it_hangs(root: Root, scheduler: str, pids: list[int], **limits: float) -> EmbedOutcome:
    """Embeds; these processes hang from the first portion on."""
    settings = config(root).model_copy(update={"scale": ScaleSettings(scheduler=scheduler, **limits)})
    with ExitStack() as hanging:

        def stop(stage: str, done: int, total: int | None) -> None:
            if done and pids:
                hanging.enter_context(stopped([pids.pop() for _ in range(len(pids))]))

        return embed_images(root, settings, stop)


@pytest.mark.parametrize("hanging", [1, 2])
def test_workers_that_hang_are_a_sentence_and_the_work_is_done(
    embedded, cluster, tmp_path, small_tasks, hanging
) -> None:
    root = fresh(embedded, tmp_path)
    pids = [worker.pid for worker in cluster.workers.values()][:hanging]
    done = embed_until_it_hangs(root, cluster.scheduler_address, pids, wait_s=20.0, task_s=4.0)
    [sentence] = done.notes
    assert sentence == (
        f"The Dask cluster at {cluster.scheduler_address} has not ended a task for 4 seconds, "
        "so this machine did its work."
    )
    assert vectors(root)[0] == vectors(embedded)[0]
    assert refused(root) == refused(embedded)


def test_a_scheduler_that_hangs_is_a_sentence_and_the_work_is_done(embedded, tmp_path, small_tasks) -> None:
    root = fresh(embedded, tmp_path)
    command = [sys.executable, "-c", _SCHEDULER_AND_WORKER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as cluster:
        address = cluster.stdout.readline().strip()
        done = embed_until_it_hangs(root, address, [cluster.pid], wait_s=4.0, task_s=600.0)
        cluster.kill()
    [sentence] = done.notes
    assert sentence == f"The Dask cluster at {address} does not answer, so this machine did its work."
    assert vectors(root)[0] == vectors(embedded)[0]


_SCHEDULER_AND_WORKER = """
import sys
from distributed import LocalCluster
cluster = LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0",
                       protocol="tcp://")
print(cluster.scheduler_address, flush=True)
sys.stdin.read()
"""


def test_only_workers_that_declare_a_gpu_embed(cluster) -> None:
    patient = ScaleSettings(scheduler=cluster.scheduler_address, wait_s=20.0)
    with Client(cluster, set_as_default=False) as client:
        one, _ = sorted(client.scheduler_info(n_workers=-1)["workers"])
        client.run(
            lambda dask_worker: dask_worker.loop.add_callback(dask_worker.set_resources, GPU=1), workers=[one]
        )
        until = time.monotonic() + 10
        while not any(scale.GPU in worker["resources"] for worker in scale._workers(client, 20.0)):
            assert time.monotonic() < until
            time.sleep(0.05)
        ran = set(scale._run(client, where, [(at,) for at in range(8)], patient, prefers_gpu=True))
        everywhere = set(
            scale._run(client, where_on_cpu, [(at,) for at in range(20)], patient, prefers_gpu=False)
        )
    assert ran == {(one, "gpu")}
    assert len(everywhere) == 2


def where(at: int, device: str) -> tuple[str, str]:
    """The worker that a task runs on, and the device it is told to take."""
    from distributed import get_worker

    return get_worker().address, device


def where_on_cpu(at: int) -> str:
    from distributed import get_worker

    time.sleep(0.1)
    return get_worker().address


def test_a_worker_keeps_no_copy_of_the_vectors_of_earlier_builds(tmp_path, monkeypatch) -> None:
    with bucket_server() as server:
        for name, value in settings(server).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        root = Root.open(f"s3://{BUCKET}/scaled", create=True)

        def build(scratch: str) -> None:
            np.save(tmp_path / "vectors.npy", np.eye(50, 8, dtype=np.float16))
            root.files.add(f"{scratch}/vectors.npy", tmp_path / "vectors.npy")
            build_shard(str(root), scratch, "annoy", "vectors-0000.ann", 0, 50, 8, 4)

        build("index/shards-earlier")
        root.files.remove("index/shards-earlier")  # what the night does, from another machine
        assert (root.index / "shards-earlier" / "vectors.npy").exists()
        build("index/shards-now")
        assert [path.name for path in root.index.iterdir()] == ["shards-now"]
        assert "index/shards-now/vectors-0000.ann" in root.files.below("index")


def test_a_whole_night_in_a_bucket(tmp_path, monkeypatch) -> None:
    products = catalogue(9)
    with bucket_server() as server, serve(products, "shopify") as front:
        for name, value in settings(server).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        # After the environment is set: the workers reach the bucket by it.
        with LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=logging.ERROR
        ) as own:
            root = Root.open(f"s3://{BUCKET}/scaled", create=True)
            local = Root.open(tmp_path / "local", create=True)
            catalogues.write_encoder(local, weights=WEIGHTS)
            with encoders.adding(root, catalogues.MODEL) as made:
                (local.encoders / catalogues.MODEL).rename(made)
            store = Store(name="shop.example", url=front.url, strategy="shopify")
            night = run_nightly(
                config(
                    root,
                    own.scheduler_address,
                    stores=(store,),
                    crawl={"allow_private": True, "throttle": False},
                )
            )
            assert night.failures == ()
            assert night.notes == ()
            assert night.index.products == 9
            vectors_file = generations.current(root) / "vectors.npy"
            rows = len(np.load(vectors_file, mmap_mode="r"))
            target = root.index / ".building-test"
            target.mkdir()
            copy = shutil.copy(vectors_file, target / "vectors.npy")
            cluster = Cluster(ScaleSettings(scheduler=own.scheduler_address, wait_s=20.0))
            half = rows // 2
            parts = [
                ("annoy", target / f"vectors-{at:04d}.ann", Path(copy), start, stop, 16, 4)
                for at, (start, stop) in enumerate([(0, half), (half, rows)])
            ]
            assert cluster.builds(root)(parts)
            assert cluster.problems == []
            assert all(part[1].stat().st_size for part in parts)
            assert not [name for name in root.files.below("index") if "shards-" in name]
